"""Make webhooks, look at them, change and remove them."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import transaction
from app.domain.errors import DomainError, InvalidInput, NotAllowed, Reason, TooManyWebhooks, WebhookNotFound
from app.domain.permissions import Caller, Principal, Right
from app.domain.webhook import EVENT_TYPES, SECRET_BYTES, WhyDisabled, read_url, write_secret
from app.notify.addresses import may_be_asked
from app.services.access import audit
from app.services.events import listeners
from app.services.events.holders import hold
from app.store import deliveries, outbox
from app.store import webhooks as store
from app.store.models import Webhook
from app.store.upkeep import read_time

MAX_WEBHOOKS = 20  # of an account, or of every account of one holder's
MAX_WAITING = 100_000  # deliveries of one webhook
ROTATION = timedelta(hours=24)  # for so long the secret before signs, too


@dataclass(frozen=True, slots=True)
class Order:
    """What a new webhook is to be told, and where."""

    url: str
    account_id: str | None = None  # None: every account that the caller reads
    event_types: Sequence[str] = ()  # none: all
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookState:
    """A webhook, without its secret, and how it has gone of late."""

    id: UUID
    url: str
    account_id: str | None
    event_types: Sequence[str]
    comment: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    holder: str
    disabled: WhyDisabled | None
    disabled_at: datetime | None
    failures: int
    failing_since: datetime | None
    last_code: str | None
    last_error: str | None
    paused_until: datetime | None
    delivered_at: datetime | None
    old_secret_until: datetime | None
    holds_until: datetime | None
    waiting: int  # deliveries; MAX_WAITING stand for more, too

    @property
    def state(self) -> str:
        """How it is, in a word."""
        if self.disabled is not None:
            return "disabled"
        return "failing" if self.failures else "well"


class Made(NamedTuple):
    """A webhook with its new secret, which can't be had a second time."""

    secret: str
    webhook: WebhookState


def create(session: Session, caller: Caller, order: Order) -> Made:
    """Make a webhook. Raises InvalidInput, NotAllowed, TooManyWebhooks.

    Call `listen` when the transaction is committed.
    """
    _require_account(caller.principal, order.account_id)
    _require_usable(order.url, order.event_types)
    if store.count_of(session, order.account_id, caller.principal.name) >= MAX_WEBHOOKS:
        raise TooManyWebhooks(MAX_WEBHOOKS)
    secret = secrets.token_bytes(SECRET_BYTES)
    row = Webhook(
        id=uuid7(),
        url=order.url,
        account_id=order.account_id,
        event_types=_ordered(order.event_types),
        comment=order.comment,
        secret=secret,
        created_by=caller.principal.name,
    )
    hold(session, row, caller.principal)
    added = store.add(session, row)
    audit.note(session, caller, "webhook_created", str(added.id), after=_as_json(added))
    return Made(write_secret(secret), _state(session, added))


def listen() -> None:
    """Have events written for webhooks, if there is one that is delivered to; else have none written.

    Call it after the commit of what may have changed that.
    """
    with transaction() as session:
        wanted = bool(store.list_enabled(session))
        known = outbox.has_listener(session, outbox.Listener.WEBHOOKS)
    if wanted:  # also where it is known: whoever has made the first one may still wait for the writers
        listeners.switch_on(outbox.Listener.WEBHOOKS)
    elif known:
        with transaction() as session:
            store.keep_still(session)
            if not store.list_enabled(session):
                outbox.remove_listener(session, outbox.Listener.WEBHOOKS)


def list_webhooks(session: Session, caller: Caller) -> list[WebhookState]:
    """Return the webhooks that the caller may see, the oldest first."""
    principal = caller.principal
    accounts = None if principal.has(Right.READ_ALL) else principal.accounts
    return _states(session, store.list_of(session, accounts, principal.name))


def get(session: Session, caller: Caller, webhook_id: UUID) -> WebhookState:
    """Return a webhook. Raises WebhookNotFound, also for one that the caller may not see."""
    return _state(session, _visible(store.get(session, webhook_id), caller))


def change(session: Session, caller: Caller, webhook_id: UUID, values: dict[str, Any]) -> WebhookState:
    """Change a webhook: `url`, `event_types`, `comment`, `enabled`; what is None stays, but for a comment.

    Raises WebhookNotFound, InvalidInput. Call `listen` when the transaction is committed.
    """
    row = lock(session, caller, webhook_id)
    before = _as_json(row)
    values = {name: value for name, value in values.items() if value is not None or name == "comment"}
    _require_usable(values.get("url"), values.get("event_types", ()))
    for name in values.keys() & {"url", "comment"}:
        setattr(row, name, values[name])
    if "event_types" in values:
        row.event_types = _ordered(values["event_types"])
    renew(session, row, caller.principal)
    if values.get("enabled") is False and row.disabled is None:
        disable(row, WhyDisabled.BY_HAND)
    elif values.get("enabled") or (row.disabled is None and "url" in values):
        _start_anew(session, row)
    row.updated_at = datetime.now(UTC)
    session.flush()
    audit.note(session, caller, "webhook_changed", str(row.id), before, _as_json(row))
    return _state(session, row)


def rotate(session: Session, caller: Caller, webhook_id: UUID) -> Made:
    """Give a webhook a new secret; the one before signs beside it for a day. Raises WebhookNotFound."""
    row = lock(session, caller, webhook_id)
    row.old_secret, row.old_secret_until = row.secret, read_time(session) + ROTATION
    row.secret = secrets.token_bytes(SECRET_BYTES)
    renew(session, row, caller.principal)
    session.flush()
    audit.note(session, caller, "webhook_secret_rotated", str(row.id))
    return Made(write_secret(row.secret), _state(session, row))


def remove(session: Session, caller: Caller, webhook_id: UUID) -> None:
    """Remove a webhook with its deliveries. Raises WebhookNotFound.

    Call `listen` when the transaction is committed.
    """
    row = lock(session, caller, webhook_id)
    audit.note(session, caller, "webhook_removed", str(row.id), _as_json(row))
    store.remove(session, row)


def renew(session: Session, row: Webhook, principal: Principal) -> None:
    """Let the principal answer for the webhook from now on, where it gets no more by that than before.

    One for every account of its holder's is his alone: who reads more would have all of that delivered there.
    """
    if row.account_id is not None or row.holder == principal.name:
        hold(session, row, principal)


def lock(session: Session, caller: Caller, webhook_id: UUID) -> Webhook:
    """Return the row of a webhook, locked. Raises WebhookNotFound, also for one that he may not see."""
    return _visible(store.lock(session, webhook_id), caller)


def visible(session: Session, caller: Caller, webhook_id: UUID) -> Webhook:
    """Return the row of a webhook. Raises WebhookNotFound, also for one that the caller may not see."""
    return _visible(store.get(session, webhook_id), caller)


def disable(row: Webhook, why: WhyDisabled) -> None:
    """Let nothing be delivered to the webhook any more; what waits is kept."""
    row.disabled, row.disabled_at = why, datetime.now(UTC)
    row.due_at = None


def _start_anew(session: Session, row: Webhook) -> None:
    """Deliver to the webhook as if it had never failed."""
    row.disabled = row.disabled_at = None
    row.failures, row.failing_since, row.paused_until = 0, None, None
    row.last_code = row.last_error = None
    row.due_at = read_time(session)
    deliveries.start_anew(session, row.id)


def _visible(row: Webhook | None, caller: Caller) -> Webhook:
    principal = caller.principal
    if row is None or not (
        principal.has(Right.READ_ALL)
        or (row.holder == principal.name if row.account_id is None else principal.reads(row.account_id))
    ):
        raise WebhookNotFound
    return row


def _require_account(principal: Principal, account: str | None) -> None:
    if account is not None and not principal.reads(account):
        raise NotAllowed(Reason(("account_id",), "not_allowed", f"{account} is not yours to listen to"))


def _require_usable(url: str | None, event_types: Iterable[str]) -> None:
    """Raise InvalidInput with all that is wrong with these."""
    reasons = list(_reasons_against(url)) if url is not None else []
    for index, each in enumerate(event_types):
        if each not in EVENT_TYPES:
            words = f"there is no such type of event: {', '.join(EVENT_TYPES)}"
            reasons.append(Reason(("event_types", index), "event_type_unknown", words))
    if reasons:
        raise InvalidInput(reasons)


def _reasons_against(url: str) -> Iterable[Reason]:
    try:
        target = read_url(url)
    except DomainError as error:
        yield error.reason("url")
        return
    if target.scheme != "https" and not settings().webhook_allow_http:
        words = "it must begin with https://; WEBHOOK_ALLOW_HTTP lets others pass"
        yield Reason(("url",), "webhook_not_https", words)
    if target.address and not may_be_asked(target.address, settings().webhook_allowed_networks):
        words = "this address is not public; WEBHOOK_ALLOWED_NETWORKS has it not"
        yield Reason(("url",), "webhook_address_not_allowed", words)


def _ordered(event_types: Iterable[str]) -> list[str]:
    wanted = set(event_types)
    return [each for each in EVENT_TYPES if each in wanted]


def _state(session: Session, row: Webhook) -> WebhookState:
    [state] = _states(session, [row])
    return state


def _states(session: Session, rows: Sequence[Webhook]) -> list[WebhookState]:
    waiting = deliveries.count_waiting(session, [row.id for row in rows], MAX_WAITING)
    of_row = WebhookState.__dataclass_fields__.keys() - {"waiting"}
    return [
        WebhookState(**{name: getattr(row, name) for name in of_row}, waiting=waiting.get(row.id, 0))
        for row in rows
    ]


def _as_json(row: Webhook) -> dict[str, Any]:
    """Return what the audit keeps: of the URL no more than where it leads, it may have a secret in it."""
    return {
        "url": read_url(row.url).origin,
        "account_id": row.account_id,
        "event_types": list(row.event_types),
        "comment": row.comment,
        "holder": row.holder,
        "disabled": row.disabled and str(row.disabled),
    }

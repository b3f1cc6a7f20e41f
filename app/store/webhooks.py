"""Webhooks, and which process delivers to one.

`due_at` says when there may be something to deliver; whoever adds a delivery moves it forward (`wake`). One
process at a time serves a webhook. What it has sent when its time was over is sent again by the next one.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import Session

from app.domain.webhook import WhyDisabled
from app.store.models import Webhook
from app.store.turns import take_turn


class WebhookCount(NamedTuple):
    """How many webhooks there are, but for those that somebody has disabled; and what waits for them."""

    well: int
    failing: int
    disabled: int
    waiting: int  # deliveries; 10,000 of a webhook stand for more, too


_WAKE = text(
    """
    UPDATE webhooks AS hook
       SET due_at = least(hook.due_at, greatest(clock_timestamp(), hook.paused_until))
      FROM (SELECT id FROM webhooks WHERE id = ANY(:ids) AND disabled IS NULL ORDER BY id
               FOR NO KEY UPDATE) AS locked
     WHERE hook.id = locked.id
    """
)
_WAKE_AT_ONCE = text("UPDATE webhooks SET due_at = clock_timestamp() WHERE id = :id")
# Of those that have work and are not due: a sign of a process that ended in between, or of a clock set back.
_WAKE_FORGOTTEN = text(
    """
    UPDATE webhooks AS hook SET due_at = clock_timestamp(), paused_until = NULL
     WHERE disabled IS NULL
       AND (due_at IS NULL
            OR greatest(due_at, paused_until) > clock_timestamp() + make_interval(secs => 2 * :longest))
       AND EXISTS (SELECT FROM webhook_deliveries AS delivery
                    WHERE delivery.webhook_id = hook.id AND delivery.finished_at IS NULL)
    """
)
# A pause begins with a try: without `all`, only what was not tried, or will have been, is brought forward.
_BRING_FORWARD = text(
    """
    WITH brought_forward AS (
        UPDATE webhook_deliveries SET next_try_at = clock_timestamp()
         WHERE finished_at IS NULL AND next_try_at > clock_timestamp()
           AND (:all OR tried_at IS NULL OR tried_at > clock_timestamp())
        RETURNING webhook_id
    )
    UPDATE webhooks SET due_at = clock_timestamp(), paused_until = NULL
     WHERE disabled IS NULL AND id IN (SELECT webhook_id FROM brought_forward)
    """
)
_SHORTEN_SERVICE = text(
    """
    UPDATE webhooks SET served_until = clock_timestamp()
     WHERE served_until > clock_timestamp() + make_interval(secs => 2 * :longest)
    """
)
_TAKE = text(
    """
    UPDATE webhooks AS hook
       SET server = :server, served_until = clock_timestamp() + make_interval(secs => :seconds)
      FROM (SELECT id FROM webhooks
             WHERE due_at <= clock_timestamp() AND id <> ALL(:busy)
               AND (served_until IS NULL OR served_until <= clock_timestamp())
             ORDER BY due_at LIMIT :most
               FOR NO KEY UPDATE SKIP LOCKED) AS due
     WHERE hook.id = due.id
    RETURNING hook.id
    """
)
# Whoever enables one of them again does not give the token back what it has held.
_DISABLE_HELD_BY = text(
    f"""
    WITH held AS MATERIALIZED (
        SELECT id, disabled IS NULL AS was_enabled FROM webhooks WHERE holder_token = :token
         ORDER BY id FOR NO KEY UPDATE
    ), ended AS (
        UPDATE webhooks AS hook
           SET holds_until = clock_timestamp(), due_at = NULL,
               disabled = coalesce(hook.disabled, '{WhyDisabled.RIGHTS_LOST}'),
               disabled_at = coalesce(hook.disabled_at, clock_timestamp())
          FROM held WHERE hook.id = held.id
    )
    SELECT id FROM held WHERE was_enabled ORDER BY id
    """  # noqa: S608
)
# What waits is counted so far as any webhook may have waiting.
_COUNT = text(
    f"""
    SELECT count(*) FILTER (WHERE disabled IS NULL AND failures = 0) AS well,
           count(*) FILTER (WHERE disabled IS NULL AND failures > 0) AS failing,
           count(*) FILTER (WHERE disabled IS NOT NULL AND disabled <> '{WhyDisabled.BY_HAND}') AS disabled,
           coalesce(sum((
               SELECT count(*) FROM (
                   SELECT FROM webhook_deliveries AS delivery
                    WHERE delivery.webhook_id = hook.id AND delivery.finished_at IS NULL LIMIT 10000
               ) AS first)) FILTER (WHERE disabled IS NULL), 0)::bigint AS waiting
      FROM webhooks AS hook
    """  # noqa: S608
)
_KEEP_STILL = text("LOCK TABLE webhooks IN SHARE ROW EXCLUSIVE MODE")
_RELEASE_ALL = text("UPDATE webhooks SET server = NULL, served_until = NULL WHERE server = :server")


def add(session: Session, webhook: Webhook) -> Webhook:
    """Store a new webhook, and return it."""
    session.add(webhook)
    session.flush()
    session.refresh(webhook)
    return webhook


def get(session: Session, webhook_id: UUID) -> Webhook | None:
    """Return the webhook of that id."""
    return session.get(Webhook, webhook_id)


def lock(session: Session, webhook_id: UUID) -> Webhook | None:
    """Return the webhook of that id. Nobody else changes it until the transaction ends."""
    statement = select(Webhook).where(Webhook.id == webhook_id).with_for_update(key_share=True)
    return session.scalars(statement).one_or_none()


def lock_as_server(session: Session, webhook_id: UUID, server: UUID) -> Webhook | None:
    """Return the webhook, locked; None where it is gone, or another process serves it by now."""
    found = lock(session, webhook_id)
    return found if found is not None and found.server == server else None


def list_of(session: Session, accounts: Collection[str] | None, holder: str) -> Sequence[Webhook]:
    """Return the webhooks of these accounts (None: all), and those of every account of that holder's."""
    return session.scalars(select(Webhook).where(_seen(accounts, holder)).order_by(Webhook.id)).all()


def list_enabled(session: Session) -> Sequence[Webhook]:
    """Return the webhooks that are delivered to."""
    return session.scalars(select(Webhook).where(Webhook.disabled.is_(None)).order_by(Webhook.id)).all()


def count_of(session: Session, account: str | None, holder: str) -> int:
    """Count the webhooks of an account; None: those of every account of that holder's.

    Nobody else counts until the transaction ends.
    """
    take_turn(session, "the number of webhooks")
    own = and_(Webhook.account_id.is_(None), Webhook.holder == holder)
    whose = own if account is None else Webhook.account_id == account
    return session.scalars(select(func.count()).select_from(Webhook).where(whose)).one()


def wake(session: Session, ids: Collection[UUID]) -> None:
    """Have these webhooks served: what is to be delivered is added in this transaction.

    None of them is left by its server until the transaction ends.
    """
    session.execute(_WAKE, {"ids": sorted(ids)})


def wake_at_once(session: Session, webhook_id: UUID) -> None:
    """Have the webhook served whatever its state: a test is to be delivered."""
    session.execute(_WAKE_AT_ONCE, {"id": webhook_id})


def mend_times(session: Session, longest_pause: float, longest_service: float) -> None:
    """Have those served that have work and would not be: a process or a clock has left them behind."""
    session.execute(_BRING_FORWARD, {"all": False})
    session.execute(_WAKE_FORGOTTEN, {"longest": longest_pause})
    session.execute(_SHORTEN_SERVICE, {"longest": longest_service})


def try_all(session: Session) -> None:
    """Have all tried at once that waits: the times for which it waits are none any more."""
    session.execute(_BRING_FORWARD, {"all": True})
    session.execute(_WAKE_FORGOTTEN, {"longest": 0})


def take_due(
    session: Session, server: UUID, busy: Collection[UUID], most: int, seconds: float
) -> Sequence[UUID]:
    """Have this process serve webhooks that are due, and that no other one serves; return which."""
    values = {"server": server, "busy": list(busy), "most": most, "seconds": seconds}
    return session.scalars(_TAKE, values).all()


def extend(webhook: Webhook, now: datetime, seconds: float) -> None:
    """Let this process serve the webhook for so many seconds from now."""
    webhook.served_until = now + timedelta(seconds=seconds)


def release_all(session: Session, server: UUID) -> None:
    """Let other processes serve what this one has served."""
    session.execute(_RELEASE_ALL, {"server": server})


def remove(session: Session, webhook: Webhook) -> None:
    """Remove a webhook with its deliveries."""
    session.delete(webhook)
    session.flush()


def lock_disabled_unnoted(session: Session) -> Sequence[Webhook]:
    """Return webhooks that were disabled, and are not in the audit yet; nobody else returns them."""
    unnoted = select(Webhook).where(~Webhook.disabled_noted).order_by(Webhook.id)
    return session.scalars(unnoted.with_for_update(skip_locked=True, key_share=True)).all()


def disable_held_by(session: Session, token: str) -> Sequence[UUID]:
    """Disable the webhooks that a token holds, by its prefix; return which. It is for the caller to note."""
    return session.scalars(_DISABLE_HELD_BY, {"token": token}).all()


def keep_still(session: Session) -> None:
    """Let no webhook be made, changed or served until the transaction ends."""
    session.execute(_KEEP_STILL)


def count(session: Session) -> WebhookCount:
    """Count the webhooks by their state, and what waits for those that are delivered to."""
    return WebhookCount(*session.execute(_COUNT).one())


def _seen(accounts: Collection[str] | None, holder: str) -> ColumnElement[bool]:
    if accounts is None:
        return Webhook.id.is_not(None)
    return or_(Webhook.account_id.in_(accounts), and_(Webhook.account_id.is_(None), Webhook.holder == holder))

"""The deliveries to a webhook: what has become of them, a test, and one of them once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.domain.errors import DeliveryNotFound
from app.domain.permissions import Caller
from app.domain.webhook import TEST_TYPE, DeliveryStatus
from app.services.events.cloud_event import source
from app.services.events.holders import holders_of
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor
from app.services.webhooks import registry
from app.store import deliveries as store
from app.store import webhooks
from app.store.models import Delivery
from app.store.upkeep import read_time


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """A delivery, and what has come of its last try."""

    id: UUID
    event_id: UUID
    event_type: str
    request_id: UUID | None
    account_id: str | None
    replay_of: UUID | None
    created_at: datetime
    status: DeliveryStatus
    attempts: int
    next_try_at: datetime | None  # None: it is not tried any more
    tried_at: datetime | None
    finished_at: datetime | None
    status_code: int | None
    answer: str | None
    code: str | None
    error: str | None
    took: float | None


def list_deliveries(
    session: Session,
    caller: Caller,
    webhook_id: UUID,
    status: DeliveryStatus | None,
    limit: int,
    cursor: str | None,
) -> Page[DeliveryState]:
    """Return deliveries to a webhook, the newest first. Raises WebhookNotFound, InvalidFilter."""
    registry.visible(session, caller, webhook_id)
    before = None if cursor is None else decode_cursor(session, cursor)
    if before is not None and type(before) is not int:
        raise invalid_cursor()
    found = store.page(session, webhook_id, status, limit + 1, before)
    shown: Sequence[Delivery] = found[:limit]
    following = encode_cursor(session, shown[-1].seq) if len(found) > limit else None
    return Page(list(map(_state, shown)), following)


def get_delivery(
    session: Session, caller: Caller, webhook_id: UUID, delivery_id: UUID
) -> tuple[DeliveryState, Any]:
    """Return a delivery, and the event that it delivers. Raises WebhookNotFound, DeliveryNotFound."""
    row = _get(session, caller, webhook_id, delivery_id)
    return _state(row), from_json(row.body)


def replay(session: Session, caller: Caller, webhook_id: UUID, delivery_id: UUID) -> DeliveryState:
    """Deliver an event once more, behind all that waits. Raises WebhookNotFound, DeliveryNotFound."""
    row = _get(session, caller, webhook_id, delivery_id)
    if row.request_id is None:
        return test(session, caller, webhook_id)
    again = Delivery(
        id=uuid7(),
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        event_type=row.event_type,
        request_id=row.request_id,
        account_id=row.account_id,
        body=row.body,
        replay_of=row.id,
    )
    webhooks.wake(session, [webhook_id])
    return _state(store.add(session, again))


def test(session: Session, caller: Caller, webhook_id: UUID) -> DeliveryState:
    """Deliver an event of no meaning, once, also to a webhook that is disabled. Raises WebhookNotFound.

    While one waits, there is no other one. Whoever looks whether it works does not answer for it by that,
    unless nobody else does any more.
    """
    row = registry.lock(session, caller, webhook_id)
    if row.holder == caller.principal.name or row.id not in holders_of([row], read_time(session)):
        registry.renew(session, row, caller.principal)
    if waiting := store.waiting_test(session, webhook_id):
        return _state(waiting)
    event_id = uuid7()
    event = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": source(),
        "type": TEST_TYPE,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"webhook_id": str(row.id), "message": "a test: nothing has happened"},
    }
    made = Delivery(
        id=uuid7(),
        webhook_id=row.id,
        event_id=event_id,
        event_type=TEST_TYPE,
        account_id=row.account_id,
        body=to_json(event),
    )
    webhooks.wake_at_once(session, webhook_id)
    return _state(store.add(session, made))


def _get(session: Session, caller: Caller, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    registry.visible(session, caller, webhook_id)
    found = store.get(session, webhook_id, delivery_id)
    if found is None:
        raise DeliveryNotFound
    return found


def _state(row: Delivery) -> DeliveryState:
    values = {name: getattr(row, name) for name in DeliveryState.__dataclass_fields__}
    if row.finished_at is not None:
        values["next_try_at"] = None
    return DeliveryState(**values)

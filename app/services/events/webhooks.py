"""Hands events on to webhooks."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.services.events.cloud_event import cloud_event, type_of
from app.services.events.holders import holders_of, wants
from app.store import deliveries, webhooks
from app.store.deliveries import New
from app.store.outbox import Event
from app.store.upkeep import read_time

_MOST = 256 * 1024  # bytes of a post


def fan_out(session: Session, events: Sequence[Event]) -> None:
    """Note for each webhook that wants them that these events are to be delivered.

    In the transaction that removes them from the outbox. They are in order for each request.
    """
    found = list(_deliveries(session, events))
    if found:
        webhooks.wake(session, {each.webhook_id for each in found})
        deliveries.add_many(session, found)


def _deliveries(session: Session, events: Sequence[Event]) -> Iterator[New]:
    enabled = webhooks.list_enabled(session)
    holders = holders_of(enabled, read_time(session))
    for event in events:
        kind, body = type_of(event), None
        for webhook in enabled:
            holder = holders.get(webhook.id)
            if holder is None or not wants(webhook, holder, event.account_id, kind):
                continue
            body = body or _body(event)
            yield New(uuid7(), webhook.id, event.event_id, kind, event.request_id, event.account_id, body)


def _body(event: Event) -> bytes:
    body = cloud_event(event)
    return body if len(body) <= _MOST else cloud_event(event, with_resource=False)

"""The outbox: events that a listener has not got yet, and which worker publishes them.

A trigger writes an event for each listener in the transaction that changes a request's status
(migrations/versions/0057_events_out.py). The lock of the request's row lets its changes happen one after the
other, so the ids of one request's events grow in the order of their commits. Those of different requests may
be seen in another order: nobody may remember how far he has come, events are taken, published and deleted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.models import EventListener, OutboxEvent, RequestEvent
from app.store.process_leases import ProcessLeases

MOST_WAITING = 100_000  # events that are counted
MAX_OCTETS = 16 * 1024 * 1024  # of what is taken at once; the last event may exceed it


class Listener(StrEnum):
    """Who is told of each change of a request's status."""

    KAFKA = "kafka"  # the topic KAFKA_RESULTS_TOPIC
    WEBHOOKS = "webhooks"  # those that are enabled


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a request's status, and the request as it was then; its fields are columns."""

    id: int
    event_id: UUID
    request_id: UUID
    sequence: int
    at: datetime
    status: str
    told: str | None
    action: str
    account_id: str
    source: str
    via: str
    zone: str
    resource: dict[str, Any]
    ttl: int
    not_before: datetime | None
    batch_id: UUID | None
    error_code: str | None
    traceparent: str | None
    created_at: datetime
    started_at: datetime | None
    verified_at: datetime | None
    finished_at: datetime | None


class Waiting(NamedTuple):
    """What a listener has not got yet: MOST_WAITING stand for more, too."""

    listener: str
    number: int
    oldest_s: float  # since the oldest one


_COLUMNS = ", ".join(Event.__dataclass_fields__)
_BY_KEY = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
)
# One statement, and so one snapshot: who saw an event that was committed after another one of its request
# has seen that one, too. The size of what is compressed says little of the memory that it takes.
_TAKE = text(
    f"""
    SELECT {_COLUMNS}
      FROM (SELECT *, sum(octets) OVER (ORDER BY id) - octets AS octets_before
              FROM (SELECT *, CASE WHEN pg_column_compression(resource) IS NULL
                                   THEN pg_column_size(resource)
                                   ELSE octet_length(CAST(resource AS text)) END AS octets
                      FROM dns_outbox
                     WHERE listener = :listener AND id >= :floor ORDER BY id LIMIT :limit) AS first) AS sized
     WHERE octets_before < {MAX_OCTETS}
     ORDER BY id
    """  # noqa: S608
)
_REMOVE = text("DELETE FROM dns_outbox WHERE listener = :listener AND id = ANY(:ids) RETURNING id")
_WAITING = text(
    f"""
    SELECT listener.name, waiting.number,
           greatest(0, extract(epoch FROM clock_timestamp() - waiting.since))::float8 AS oldest_s
      FROM dns_event_listeners AS listener
      LEFT JOIN dns_publisher_leases AS lease ON lease.listener = listener.name
     CROSS JOIN LATERAL (
        SELECT count(*) AS number, coalesce(min(at), clock_timestamp()) AS since
          FROM (SELECT at FROM dns_outbox
                 WHERE listener = listener.name AND id >= coalesce(lease.floor, 0)
                 ORDER BY id LIMIT {MOST_WAITING}) AS first) AS waiting
     ORDER BY listener.name
    """  # noqa: S608
)

_ADD_LISTENER = text(
    "INSERT INTO dns_event_listeners (name) VALUES (:listener) ON CONFLICT DO NOTHING RETURNING name"
)
_REMOVE_LISTENER = text("DELETE FROM dns_event_listeners WHERE name = :listener RETURNING name")
# What was left when it was switched off is still for the publisher to remove.
_IS_WANTED = text(
    """
    SELECT EXISTS (SELECT FROM dns_event_listeners WHERE name = :listener) OR EXISTS (
        SELECT FROM dns_outbox
         WHERE listener = :listener
           AND id >= coalesce((SELECT floor FROM dns_publisher_leases WHERE listener = :listener), 0))
    """
)
_NOTE_WANTED = text(
    """
    INSERT INTO dns_publisher_leases AS lease (listener, holder, expires_at, wanted_at)
    VALUES (:listener, gen_random_uuid(), clock_timestamp(), clock_timestamp())
    ON CONFLICT (listener) DO UPDATE SET wanted_at = excluded.wanted_at
    """
)
_IS_UNWANTED = text(
    """
    SELECT EXISTS (SELECT FROM dns_event_listeners WHERE name = :listener) AND NOT EXISTS (
        SELECT FROM dns_publisher_leases
         WHERE listener = :listener AND wanted_at > clock_timestamp() - make_interval(secs => :seconds))
    """
)
_DISCARD = text(
    """
    DELETE FROM dns_outbox
     WHERE listener = :listener AND NOT EXISTS (SELECT FROM dns_event_listeners WHERE name = :listener)
       AND id = ANY(ARRAY(
            SELECT id FROM dns_outbox
             WHERE listener = :listener
               AND id >= coalesce((SELECT floor FROM dns_publisher_leases WHERE listener = :listener), 0)
             ORDER BY id LIMIT :limit))
    RETURNING id
    """
)
# Whoever writes to a table has a lock of it until his transaction ends.
_WRITERS = text(
    """
    SELECT DISTINCT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND relation = CAST(:relation AS regclass) AND mode = 'RowExclusiveLock'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND pid <> pg_backend_pid()
    """
)
LEASES = ProcessLeases("dns_publisher_leases", "listener", noted="floor")


def take(session: Session, listener: Listener, floor: int, limit: int) -> list[Event]:
    """Return the first events that the listener has not got, in order; none has an id below the floor.

    They are at most `limit`, and fewer where they are large: whoever takes them holds them all in memory.
    """
    session.execute(_BY_KEY)
    rows = session.execute(_TAKE, {"listener": listener, "floor": floor, "limit": limit})
    return [Event(*row) for row in rows]


def remove(session: Session, listener: Listener, ids: Collection[int]) -> set[int]:
    """Delete events that the listener has got; return those that nobody else has deleted."""
    session.execute(_BY_KEY)
    return set(session.scalars(_REMOVE, {"listener": listener, "ids": list(ids)}))


def list_waiting(session: Session) -> Sequence[Waiting]:
    """Return what each listener that is switched on has not got yet."""
    session.execute(_BY_KEY)
    return [Waiting(*row) for row in session.execute(_WAITING)]


def is_wanted(session: Session, listener: Listener) -> bool:
    """Return whether the listener is switched on, or has not got everything yet."""
    return bool(session.scalar(_IS_WANTED, {"listener": listener}))


def add_listener(session: Session, listener: Listener) -> bool:
    """Switch a listener on; False where it is on already.

    Transactions that have looked for listeners before do not see it: services/events/listeners.py.
    """
    return session.scalar(_ADD_LISTENER, {"listener": listener}) is not None


def has_listener(session: Session, listener: Listener) -> bool:
    """Return whether a listener is switched on."""
    return session.get(EventListener, listener) is not None


def remove_listener(session: Session, listener: Listener) -> bool:
    """Switch a listener off; False where it is off already."""
    return session.scalar(_REMOVE_LISTENER, {"listener": listener}) is not None


def note_wanted(session: Session, listener: Listener) -> None:
    """Note that a worker is there that is to publish to the listener."""
    session.execute(_NOTE_WANTED, {"listener": listener})


def is_unwanted(session: Session, listener: Listener, seconds: float) -> bool:
    """Return whether the listener is on though no worker has wanted to publish to it for so long."""
    return bool(session.scalar(_IS_UNWANTED, {"listener": listener, "seconds": seconds}))


def discard(session: Session, listener: Listener, limit: int) -> int:
    """Delete so many events of a listener that is switched off; return how many there were."""
    session.execute(_BY_KEY)
    return len(session.scalars(_DISCARD, {"listener": listener, "limit": limit}).all())


def who_writes_lines(session: Session) -> set[str]:
    """Return the transactions that have written to logs of requests, and so may have looked for listeners."""
    return set(session.scalars(_WRITERS, {"relation": RequestEvent.__tablename__}))


def who_writes_events(session: Session) -> set[str]:
    """Return the transactions that have written events, or deleted them, and are not over."""
    return set(session.scalars(_WRITERS, {"relation": OutboxEvent.__tablename__}))

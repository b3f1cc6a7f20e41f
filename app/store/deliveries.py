"""Deliveries to webhooks: what waits, in the order of each request, and what has become of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, literal, select, text
from sqlalchemy.orm import Session, defer

from app.domain.webhook import TEST_TYPE, DeliveryStatus
from app.store.models import Delivery

# One that waits for an earlier one of its request is not tried.
_IN_ORDER = """
    delivery.webhook_id = :webhook AND delivery.finished_at IS NULL AND delivery.request_id IS NOT NULL
    AND delivery.next_try_at >= :floor
    AND NOT EXISTS (
        SELECT FROM webhook_deliveries AS earlier
         WHERE earlier.webhook_id = :webhook AND earlier.request_id = delivery.request_id
           AND earlier.finished_at IS NULL AND earlier.seq < delivery.seq)
"""
_COLUMNS = "id, event_id, event_type, account_id, body, attempts, failing_since, created_at"
# octet_length reads no value that is stored out of line: what is too much is not read.
_DUE = text(
    f"""
    WITH due AS (
        SELECT id, next_try_at, seq, octet_length(body) AS size FROM webhook_deliveries AS delivery
         WHERE {_IN_ORDER} AND delivery.next_try_at <= clock_timestamp()
         ORDER BY next_try_at, seq LIMIT :most
    ), bounded AS (
        SELECT id, row_number() OVER queue AS place, sum(size) OVER queue AS bytes FROM due
        WINDOW queue AS (ORDER BY next_try_at, seq)
    )
    SELECT {_COLUMNS} FROM bounded JOIN webhook_deliveries USING (id)
     WHERE place = 1 OR bytes <= :bytes
     ORDER BY place
    """  # noqa: S608
)
_NEXT = text(
    f"""
    SELECT next_try_at FROM webhook_deliveries AS delivery WHERE {_IN_ORDER}
     ORDER BY next_try_at, seq LIMIT 1
    """  # noqa: S608
)
_TESTS = text(
    f"""
    SELECT {_COLUMNS} FROM webhook_deliveries
     WHERE webhook_id = :webhook AND finished_at IS NULL AND request_id IS NULL ORDER BY seq LIMIT 1
    """  # noqa: S608
)
_ADD = text(
    """
    INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, request_id, account_id, body)
    SELECT id, webhook_id, event_id, event_type, request_id, account_id, body
      FROM unnest(CAST(:ids AS uuid[]), CAST(:webhooks AS uuid[]), CAST(:events AS uuid[]),
                  CAST(:types AS text[]), CAST(:requests AS uuid[]), CAST(:accounts AS text[]),
                  CAST(:bodies AS bytea[]))
      WITH ORDINALITY AS row (id, webhook_id, event_id, event_type, request_id, account_id, body, place)
     ORDER BY place
    """
)
_SETTLE = text(
    """
    UPDATE webhook_deliveries AS delivery
       SET status = result.status, attempts = delivery.attempts + 1, tried_at = clock_timestamp(),
           finished_at = CASE WHEN result.status <> 'pending' THEN clock_timestamp() END,
           next_try_at = clock_timestamp() + make_interval(secs => result.pause),
           failing_since = CASE WHEN result.code IS NOT NULL
                                THEN coalesce(delivery.failing_since, clock_timestamp()) END,
           status_code = result.status_code, answer = result.answer, code = result.code,
           error = result.error, took = result.took
      FROM jsonb_to_recordset(CAST(:results AS jsonb)) AS result
           (id uuid, status text, pause float, status_code int, answer text, code text, error text,
            took float)
     WHERE delivery.id = result.id AND delivery.finished_at IS NULL
    """
)
_GIVE_UP = text(
    """
    UPDATE webhook_deliveries
       SET status = 'failed', finished_at = clock_timestamp(), code = :code, error = :error
     WHERE id = ANY(:ids) AND finished_at IS NULL
    """
)
_START_ANEW = text(
    """
    UPDATE webhook_deliveries SET next_try_at = clock_timestamp(), failing_since = NULL
     WHERE webhook_id = :webhook AND finished_at IS NULL
    """
)
_FORGET = text(
    """
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries WHERE id < :before ORDER BY id LIMIT :most)
    """
)
# Counted no further than that: an index has no number of its entries.
_COUNTS = text(
    """
    SELECT hook.id, (
        SELECT count(*) FROM (
            SELECT FROM webhook_deliveries AS delivery
             WHERE delivery.webhook_id = hook.id AND delivery.finished_at IS NULL LIMIT :most) AS first
        ) AS number
      FROM webhooks AS hook WHERE hook.id = ANY(:ids)
    """
)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be tried."""

    id: UUID
    event_id: UUID
    event_type: str
    account_id: str | None
    body: bytes
    attempts: int
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class New:
    """A delivery that is to be made."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    event_type: str
    request_id: UUID
    account_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What has come of a try, and after how many seconds there is to be another one."""

    id: UUID
    status: DeliveryStatus
    pause: float = 0.0
    status_code: int | None = None
    answer: str | None = None
    code: str | None = None
    error: str | None = None
    took: float = 0.0


def add_many(session: Session, deliveries: Sequence[New]) -> None:
    """Store new deliveries; those of one request are made in the order given."""
    session.execute(
        _ADD,
        {
            "ids": [each.id for each in deliveries],
            "webhooks": [each.webhook_id for each in deliveries],
            "events": [each.event_id for each in deliveries],
            "types": [each.event_type for each in deliveries],
            "requests": [each.request_id for each in deliveries],
            "accounts": [each.account_id for each in deliveries],
            "bodies": [each.body for each in deliveries],
        },
    )


def add(session: Session, delivery: Delivery) -> Delivery:
    """Store a new delivery, and return it."""
    session.add(delivery)
    session.flush()
    session.refresh(delivery)
    return delivery


def get(session: Session, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
    """Return the delivery of that id, if it is that webhook's."""
    found = session.get(Delivery, delivery_id)
    return found if found is not None and found.webhook_id == webhook_id else None


def page(
    session: Session, webhook_id: UUID, status: DeliveryStatus | None, limit: int, before: int | None
) -> Sequence[Delivery]:
    """Return deliveries to the webhook, without their bodies, the newest first."""
    statement = select(Delivery).where(Delivery.webhook_id == webhook_id).options(defer(Delivery.body))
    if status is DeliveryStatus.PENDING:
        statement = statement.where(Delivery.finished_at.is_(None))
    elif status is not None:  # as a literal, which the partial index of those that failed needs
        statement = statement.where(
            Delivery.status == literal(status, Delivery.status.type, literal_execute=True)
        )
    if before is not None:
        statement = statement.where(Delivery.seq < before)
    return session.scalars(statement.order_by(Delivery.seq.desc()).limit(limit)).all()


def waiting_test(session: Session, webhook_id: UUID) -> Delivery | None:
    """Return the test of the webhook that is not settled yet."""
    waiting = select(Delivery).where(
        Delivery.webhook_id == webhook_id,
        Delivery.request_id.is_(None),
        Delivery.event_type == TEST_TYPE,
        Delivery.finished_at.is_(None),
    )
    return session.scalars(waiting.limit(1)).one_or_none()


def list_tests(session: Session, webhook_id: UUID) -> list[Due]:
    """Return the test that is to be delivered."""
    return [Due(**row._mapping) for row in session.execute(_TESTS, {"webhook": webhook_id})]


def list_due(session: Session, webhook_id: UUID, floor: datetime, most: int, most_bytes: int) -> list[Due]:
    """Return what is to be tried now, one for each request, so much at most."""
    values = {"webhook": webhook_id, "floor": floor, "most": most, "bytes": most_bytes}
    return [Due(**row._mapping) for row in session.execute(_DUE, values)]


def next_try(session: Session, webhook_id: UUID, floor: datetime) -> datetime | None:
    """Return when there is something to try next; None: nothing waits."""
    found: datetime | None = session.scalar(_NEXT, {"webhook": webhook_id, "floor": floor})
    return found


def oldest(session: Session, webhook_id: UUID, since: datetime) -> datetime | None:
    """Return when the first of what waits is to be tried; None: nothing waits since then."""
    waiting = select(Delivery.next_try_at).where(
        Delivery.webhook_id == webhook_id, Delivery.finished_at.is_(None), Delivery.next_try_at >= since
    )
    return session.scalars(waiting.order_by(Delivery.next_try_at).limit(1)).one_or_none()


def settle(session: Session, results: Collection[Result]) -> None:
    """Store what has come of tries."""
    rows: list[Mapping[str, Any]] = [
        {name: getattr(each, name) for name in Result.__dataclass_fields__} for each in results
    ]
    session.execute(_SETTLE, {"results": to_json(rows).decode()})


def give_up(session: Session, ids: Collection[UUID], code: str, error: str) -> None:
    """Store that these are not tried any more."""
    session.execute(_GIVE_UP, {"ids": list(ids), "code": code, "error": error})


def start_anew(session: Session, webhook_id: UUID) -> None:
    """Have all that waits tried at once, as if nothing had failed yet."""
    session.execute(_START_ANEW, {"webhook": webhook_id})


def forget(session: Session, before: UUID, most: int) -> int:
    """Remove so many deliveries at most that are older than those with this id; return how many."""
    found = session.execute(_FORGET, {"before": before, "most": most})
    return int(getattr(found, "rowcount", 0))


def count_waiting(session: Session, ids: Collection[UUID], most: int) -> dict[UUID, int]:
    """Count what waits for each of the webhooks, so far at most."""
    rows = session.execute(_COUNTS, {"ids": list(ids), "most": most})
    return {row.id: row.number for row in rows}


def count_all_waiting(session: Session) -> int:
    """Count what waits."""
    waiting = select(func.count()).select_from(Delivery).where(Delivery.finished_at.is_(None))
    return session.scalars(waiting).one()

"""Reviews: requests that wait to be approved or rejected together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, undefer

from app.core.database import AnySession
from app.domain.approval import Verdict
from app.domain.lifecycle import INITIAL, Status
from app.store import open_floor
from app.store.models import SCHEDULED_FROM, SINCE_FLOOR, SINCE_FLOOR_OF_REQUEST, Request, Review

MAX_EXPIRED_AT_ONCE = 100  # reviews


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review that is not stored yet; its fields are columns, but for the seconds until it expires."""

    id: UUID
    zones: Sequence[str]
    why: str
    principal: str
    roles: Sequence[str]
    asks_as: Sequence[str]
    seconds: float


class Approved(NamedTuple):
    """A request that is approved, and the RRset that has to be there when it is applied, as JSON."""

    id: UUID
    expect: Mapping[str, Any]


_NEXT_SEQ = "nextval(pg_get_serial_sequence('dns_requests', 'seq'))"

# LIMIT keeps this one look-up for each request, whatever the planner thinks of the table.
_APPROVE = open_floor.statement(
    f"""
    WITH chosen AS MATERIALIZED (
        SELECT request.id, item.expect, coalesce(request.atomic_id, request.id) AS turn,
               coalesce(request.not_before > clock_timestamp(), false) AS early
          FROM (SELECT ordinality, CAST(value ->> 'id' AS uuid) AS id, value -> 'expect' AS expect
                  FROM jsonb_array_elements(CAST(:items AS jsonb)) WITH ORDINALITY) AS item
         CROSS JOIN LATERAL (
            SELECT id, atomic_id, not_before FROM dns_requests
             WHERE id = item.id AND {SINCE_FLOOR} AND status = '{Status.AWAITING_APPROVAL}'
             LIMIT 1) AS request
         ORDER BY item.ordinality
    ), numbered AS MATERIALIZED (
        SELECT id, expect, early, turn, {_NEXT_SEQ} AS seq FROM chosen
    ), queued AS (
        SELECT id, expect, early, CASE WHEN early THEN {SCHEDULED_FROM} ELSE 0 END
               + min(seq) OVER (PARTITION BY turn)
               + row_number() OVER (PARTITION BY turn ORDER BY id) - 1 AS seq
          FROM numbered
    ), changed AS (
        UPDATE dns_requests AS request
           SET status = CASE WHEN queued.early THEN '{Status.SCHEDULED}' ELSE '{INITIAL}' END,
               seq = queued.seq, expect = coalesce(request.expect, queued.expect)
          FROM queued WHERE request.id = queued.id AND {SINCE_FLOOR_OF_REQUEST}
        RETURNING request.id, request.status, request.seq
    )
    INSERT INTO dns_request_events (request_id, status, message, told)
    SELECT id, status, CAST(:message AS text), CAST(:message AS text) FROM changed ORDER BY seq
    RETURNING request_id
    """  # noqa: S608
)
_REJECT = open_floor.statement(
    f"""
    WITH changed AS (
        UPDATE dns_requests
           SET status = '{Status.REJECTED}', error_code = :code, error_message = :message,
               finished_at = clock_timestamp()
         WHERE review_id = :review_id AND {SINCE_FLOOR} AND status = '{Status.AWAITING_APPROVAL}'
        RETURNING id
    )
    INSERT INTO dns_request_events (request_id, status, message, told)
    SELECT id, '{Status.REJECTED}', CAST(:message AS text), CAST(:message AS text) FROM changed
    RETURNING request_id
    """  # noqa: S608
)
_NEXT = text(
    "SELECT extract(epoch FROM min(expires_at) - clock_timestamp()) FROM dns_reviews WHERE decided_at IS NULL"
)
_ADD = text(
    """
    INSERT INTO dns_reviews (id, zones, why, principal, roles, asks_as, expires_at)
    SELECT id, zones, why, principal, roles, asks_as, now() + make_interval(secs => seconds)
      FROM jsonb_to_recordset(CAST(:reviews AS jsonb)) AS review (
           id uuid, zones text[], why text, principal text, roles text[], asks_as text[], seconds float)
    """
)

_PUT_UNDER = text("UPDATE dns_requests SET review_id = :review_id WHERE id = :id")


def as_rows(new: Sequence[NewReview]) -> str:
    """Return the reviews as JSON, as the statements take them."""
    return json.dumps([{**asdict(each), "id": str(each.id)} for each in new])


def add(session: Session, new: Mapping[UUID, NewReview]) -> None:
    """Store reviews of requests that wait for an approval already: by the id of each request, its review."""
    session.execute(_ADD, {"reviews": as_rows(list({each.id: each for each in new.values()}.values()))})
    rows = [{"id": request_id, "review_id": review.id} for request_id, review in new.items()]
    session.execute(_PUT_UNDER, rows)


def get(session: Session, review_id: UUID) -> Review | None:
    """Return the review of that id."""
    return session.get(Review, review_id)


def lock(session: Session, review_id: UUID) -> Review | None:
    """Return the review of that id. Nobody else decides it until the transaction ends."""
    return session.get(Review, review_id, with_for_update=True, populate_existing=True)


def list_undecided(session: Session, review_id: UUID, *, lock: bool = False) -> Sequence[Request]:
    """Return those requests of a review that wait for an approval, in the order of their acceptance.

    With `lock` nobody cancels them until the transaction ends.
    """
    waiting = (
        Request.review_id == review_id,
        Request.id >= open_floor.read(session),
        Request.status == Status.AWAITING_APPROVAL,
    )
    found = select(Request).where(*waiting).order_by(Request.seq).options(undefer(Request.expect))
    return session.scalars(found.with_for_update() if lock else found).all()


def approve(session: Session, items: Sequence[Approved], message: str) -> set[UUID]:
    """Queue the requests, in this order, or schedule them; return those that were still waiting.

    Each expects the RRset that is given with it, unless it has expected another one from the beginning.
    """
    rows = [{"id": str(each.id), "expect": each.expect} for each in items]
    parameters = {"items": json.dumps(rows), "message": message, "open_from": open_floor.read(session)}
    return set(session.scalars(_APPROVE, parameters))


def reject(session: Session, review_id: UUID, code: str, message: str) -> set[UUID]:
    """Reject what of the review waits for an approval; return which requests those are."""
    parameters = {"review_id": review_id, "code": code, "message": message}
    parameters["open_from"] = open_floor.read(session)
    return set(session.scalars(_REJECT, parameters))


def seconds_until_next(session: AnySession) -> float | None:
    """Return when the next review expires, by the database's clock; None: there is none."""
    seconds = session.execute(_NEXT).scalar()
    return None if seconds is None else float(seconds)


def lock_expired(session: Session) -> Sequence[Review]:
    """Return some reviews that nobody has decided in time, but for those that somebody decides now."""
    expired = text("decided_at IS NULL AND expires_at <= clock_timestamp()")
    found = select(Review).where(expired).order_by(Review.expires_at).limit(MAX_EXPIRED_AT_ONCE)
    return session.scalars(found.with_for_update(skip_locked=True)).all()


def close(
    session: Session, review: Review, verdict: Verdict, decided_by: str | None, comment: str | None
) -> None:
    """Note what has become of a review."""
    values = {"verdict": verdict, "decided_by": decided_by, "comment": comment}
    decided = update(Review).where(Review.id == review.id)
    session.execute(decided.values(decided_at=func.clock_timestamp(), **values))

"""Requests: stored once, looked up often."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, select, text
from sqlalchemy.orm import Session

from app.core.database import Executor
from app.domain.change import Action, Source
from app.domain.lifecycle import OPEN, Status
from app.domain.rdata import RecordType
from app.store.models import Request, RequestEvent, RunEvent


@dataclass(slots=True)
class NewRequest:
    """A validated request that is not stored yet."""

    id: UUID
    action: Action
    account_id: str
    source: Source
    resource: dict[str, Any]
    zone: str
    name: str
    record_type: RecordType
    ttl: int
    rdata: list[str]
    idempotency_key: str | None


class Stored(NamedTuple):
    """When new requests were stored, and which of them were not, since their idempotency key is taken."""

    at: datetime
    held: frozenset[UUID]


class Earlier(NamedTuple):
    """The request that an idempotency key stands for; `same` when it asks for the same."""

    id: UUID
    action: Action
    account_id: str
    source: Source
    resource: dict[str, Any]
    zone: str
    created_at: datetime
    same: bool


_ROWS = TypeAdapter(list[NewRequest])
_NEW = """
    jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (
        id uuid, action text, account_id text, source text, resource jsonb, zone text, name text,
        record_type text, ttl int, rdata text[], idempotency_key text)
"""

# One statement and one parameter for any number of rows; the array's order is the order of acceptance.
_INSERT = text(
    f"""
    WITH new AS MATERIALIZED (
        SELECT * FROM {_NEW}
    ), stored AS (
        INSERT INTO dns_requests (id, action, account_id, source, resource, zone, name, record_type, ttl,
                                  rdata, idempotency_key)
        SELECT id, action, account_id, source, resource, zone, name, record_type, ttl, rdata, idempotency_key
          FROM new
        ON CONFLICT (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING id, created_at
    ), logged AS (
        INSERT INTO dns_request_events (request_id, at, status, message)
        SELECT id, created_at, 'pending', 'accepted' FROM stored
    )
    SELECT now() AS at, ARRAY(
        SELECT id FROM new WHERE idempotency_key IS NOT NULL EXCEPT SELECT id FROM stored
    ) AS held
    """  # noqa: S608
)

_EARLIER = text(
    f"""
    SELECT new.id AS asked, r.id, r.action, r.account_id, r.source, r.resource, r.zone, r.created_at,
           (r.action, r.source, r.resource) = (new.action, new.source, new.resource) AS same
      FROM {_NEW} JOIN dns_requests r USING (account_id, idempotency_key)
    """  # noqa: S608
)


def insert(executor: Executor, new: Sequence[NewRequest]) -> Stored:
    """Store the requests, in order, but for those whose idempotency key is taken."""
    row = executor.execute(_INSERT, {"rows": _as_json(new)}).one()
    return Stored(row.at, frozenset(row.held))


def earlier(executor: Executor, held: Sequence[NewRequest]) -> dict[UUID, Earlier]:
    """For each request that was not stored, the one that its idempotency key stands for."""
    found = executor.execute(_EARLIER, {"rows": _as_json(held)})
    return {row.asked: _earlier(row) for row in found}


def by_id(session: Session, ids: Iterable[UUID]) -> dict[UUID, Request]:
    """The requests of these ids."""
    return {
        request.id: request for request in session.scalars(select(Request).where(Request.id.in_(list(ids))))
    }


def page(session: Session, filters: Mapping[str, Any], limit: int, before: UUID | None) -> list[Request]:
    """Requests whose columns equal the filters, newest first, older than the request `before`."""
    statement = select(Request).filter_by(**filters).order_by(Request.id.desc()).limit(limit)
    if status := filters.get("status"):
        statement = statement.where(_index_of(status))
    if before is not None:
        statement = statement.where(Request.id < before)
    return list(session.scalars(statement))


def _index_of(status: Status) -> ColumnElement[bool]:
    """What is true of every request of this status, and what an index goes by."""
    if status in OPEN:
        return Request.finished_at.is_(None)
    return Request.error_code.is_not(None) if status is Status.FAILED else Request.finished_at.is_not(None)


def has_open(session: Session, zone: str) -> bool:
    """Whether anything of this zone is still on its way."""
    statement = text("SELECT EXISTS (SELECT FROM dns_requests WHERE zone = :zone AND finished_at IS NULL)")
    return bool(session.scalar(statement, {"zone": zone}))


def events(session: Session, request_id: UUID) -> list[RequestEvent]:
    """The request's own log, oldest first."""
    statement = select(RequestEvent).where(RequestEvent.request_id == request_id).order_by(RequestEvent.id)
    return list(session.scalars(statement))


def run_events(session: Session, run_ids: Iterable[UUID]) -> list[RunEvent]:
    """What Ansible said in these runs, oldest first."""
    statement = select(RunEvent).where(RunEvent.run_id.in_(list(run_ids))).order_by(RunEvent.id)
    return list(session.scalars(statement))


def _earlier(row: Row[Any]) -> Earlier:
    return Earlier(
        row.id,
        Action(row.action),
        row.account_id,
        Source(row.source),
        row.resource,
        row.zone,
        row.created_at,
        row.same,
    )


def _as_json(new: Sequence[NewRequest]) -> str:
    return _ROWS.dump_json(list(new)).decode()

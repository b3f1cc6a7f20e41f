"""Requests: stored in one statement, looked up by id or page by page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Boolean, Column, ColumnElement, Table, Uuid, column, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.change import Action, Via
from app.domain.lifecycle import INITIAL, OPEN, Status
from app.domain.rdata import RecordType
from app.store.models import Request, RequestEvent, RunEvent


@dataclass(slots=True)
class NewRequest:
    """A validated request that is not stored yet; its fields are the columns that are written."""

    id: UUID
    action: Action
    account_id: str
    source: str
    via: Via
    resource: dict[str, Any]
    zone: str
    name: str
    record_type: RecordType
    ttl: int
    rdata: list[str]
    idempotency_key: str | None


@dataclass(slots=True)
class EarlierRequest:
    """The request that an idempotency key stands for; its fields are columns, but for `same`."""

    id: UUID
    action: Action
    account_id: str
    source: str
    via: Via
    resource: dict[str, Any]
    zone: str
    created_at: datetime
    same: bool  # whether it asks for the same change


class Stored(NamedTuple):
    """When new requests were stored, and which were not because their idempotency key was used before."""

    at: datetime
    key_used: frozenset[UUID]


def _columns(of: type[NewRequest | EarlierRequest], *, without: str = "") -> list[Column[Any]]:
    table = cast(Table, Request.__table__)
    return [table.c[field.name] for field in fields(of) if field.name != without]


def _definition(column: Column[Any]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return f"{column.name} {column.type.compile(dialect)}"


_NEW_COLUMNS = ", ".join(column.name for column in _columns(NewRequest))
_NEW_ROWS = f"""
    jsonb_to_recordset(CAST(:rows AS jsonb)) AS new ({", ".join(map(_definition, _columns(NewRequest)))})
"""
_AS_JSON = TypeAdapter(list[NewRequest])

# One statement and one parameter for any number of rows; the array's order is the order of acceptance.
_INSERT = text(
    f"""
    WITH new AS MATERIALIZED (
        SELECT * FROM {_NEW_ROWS}
    ), stored AS (
        INSERT INTO dns_requests ({_NEW_COLUMNS})
        SELECT {_NEW_COLUMNS} FROM new
        ON CONFLICT (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING id, created_at
    ), logged AS (
        INSERT INTO dns_request_events (request_id, at, status, message)
        SELECT id, created_at, '{INITIAL}', 'accepted' FROM stored
    )
    SELECT now() AS at, ARRAY(
        SELECT id FROM new WHERE idempotency_key IS NOT NULL EXCEPT SELECT id FROM stored
    ) AS key_used
    """  # noqa: S608
)

_EARLIER_COLUMNS = _columns(EarlierRequest, without="same")
_EARLIER = text(
    f"""
    SELECT new.id AS new_id, {", ".join(f"earlier.{column.name}" for column in _EARLIER_COLUMNS)},
           (earlier.action, earlier.source, earlier.resource) = (new.action, new.source, new.resource) AS same
      FROM {_NEW_ROWS} JOIN dns_requests AS earlier USING (account_id, idempotency_key)
    """  # noqa: S608
).columns(column("new_id", Uuid), *_EARLIER_COLUMNS, column("same", Boolean))


def insert(session: AnySession, new: Sequence[NewRequest]) -> Stored:
    """Store the requests in order, but for those whose idempotency key was used before."""
    row = session.execute(_INSERT, {"rows": _rows(new)}).one()
    return Stored(row.at, frozenset(row.key_used))


def find_earlier(session: AnySession, new: Sequence[NewRequest]) -> dict[UUID, EarlierRequest]:
    """Return, by the id of each new request, the stored request that has its idempotency key."""
    found = session.execute(_EARLIER, {"rows": _rows(new)}).mappings()
    names = [field.name for field in fields(EarlierRequest)]
    return {row["new_id"]: EarlierRequest(**{name: row[name] for name in names}) for row in found}


def get(session: Session, request_id: UUID) -> Request | None:
    """Return the request of that id."""
    return session.get(Request, request_id)


def page(session: Session, filters: Mapping[str, Any], limit: int, before: UUID | None) -> list[Request]:
    """Return requests whose columns equal the filters, newest first, older than the request `before`."""
    statement = select(Request).filter_by(**filters).order_by(Request.id.desc()).limit(limit)
    if status := filters.get("status"):
        statement = statement.where(_index_condition(status))
    if before is not None:
        statement = statement.where(Request.id < before)
    return list(session.scalars(statement))


def _index_condition(status: Status) -> ColumnElement[bool]:
    """Return a condition that holds for every request of this status, and that an index knows."""
    if status in OPEN:
        return Request.finished_at.is_(None)
    return Request.error_code.is_not(None) if status is Status.FAILED else Request.finished_at.is_not(None)


def has_open(session: Session, zone: str) -> bool:
    """Return whether some request for the zone is not settled yet."""
    statement = text("SELECT EXISTS (SELECT FROM dns_requests WHERE zone = :zone AND finished_at IS NULL)")
    return bool(session.scalar(statement, {"zone": zone}))


def events(session: Session, request_id: UUID) -> list[RequestEvent]:
    """Return the request's own log, oldest first."""
    statement = select(RequestEvent).where(RequestEvent.request_id == request_id).order_by(RequestEvent.id)
    return list(session.scalars(statement))


def run_events(session: Session, run_ids: Iterable[UUID]) -> list[RunEvent]:
    """Return the log lines of these runs, oldest first."""
    statement = select(RunEvent).where(RunEvent.run_id.in_(list(run_ids))).order_by(RunEvent.id)
    return list(session.scalars(statement))


def _rows(new: Sequence[NewRequest]) -> str:
    return _AS_JSON.dump_json(list(new)).decode()

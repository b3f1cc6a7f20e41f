"""Look requests up: one with its log, or a page of many."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.errors import RequestNotFound
from app.domain.lifecycle import Status
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor, normalize_name
from app.services.requests.submit import AcceptedRequest
from app.store import requests
from app.store.models import Request


@dataclass(slots=True)
class RequestState(AcceptedRequest):
    """A request and how far it has come; its fields are those of the table."""

    attempts: int
    run_id: UUID | None
    error_code: str | None
    error_message: str | None
    started_at: datetime | None
    finished_at: datetime | None
    verified_at: datetime | None


@dataclass(slots=True)
class LogLine:
    """A line of a request's log; lines that Ansible wrote have the status `running`."""

    at: datetime
    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What the requests of a page have in common; None: anything."""

    status: Status | None = None
    account_id: str | None = None
    zone: str | None = None
    domain: str | None = None
    record_type: str | None = None
    source: str | None = None

    def columns(self) -> Mapping[str, Any]:
        """Return the wanted value of each column that is filtered by. Raises InvalidFilter."""
        wanted = {
            "status": self.status,
            "account_id": self.account_id,
            "zone": normalize_name("zone", self.zone),
            "name": normalize_name("domain", self.domain),
            "record_type": self.record_type,
            "source": self.source,
        }
        return {column: value for column, value in wanted.items() if value is not None}


def get_request(session: Session, request_id: UUID) -> tuple[RequestState, list[LogLine]]:
    """Return a request and its log, oldest first: its own events, and the log of its runs.

    Raises RequestNotFound.
    """
    row = requests.get(session, request_id)
    if row is None:
        raise RequestNotFound
    events = requests.events(session, request_id)
    runs = {event.run_id for event in events if event.run_id is not None}
    run_events = requests.run_events(session, runs) if runs else []
    log = [LogLine(event.at, event.status, event.message) for event in events]
    log += [LogLine(event.at, Status.RUNNING, event.message) for event in run_events]
    return _state(row), sorted(log, key=lambda line: line.at)


def find_requests(
    session: Session, wanted: RequestFilter, limit: int, cursor: str | None
) -> Page[RequestState]:
    """Return a page of at most `limit` requests, newest first. Raises InvalidFilter."""
    columns = wanted.columns()
    before = _read_cursor(cursor) if cursor is not None else None
    rows = requests.page(session, columns, limit + 1, before)
    items = [_state(row) for row in rows[:limit]]
    return Page(items, encode_cursor(str(items[-1].id)) if len(rows) > limit else None)


def _state(row: Request) -> RequestState:
    return RequestState(**{field.name: getattr(row, field.name) for field in fields(RequestState)})


def _read_cursor(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor))
    except (ValueError, TypeError, AttributeError) as error:
        raise invalid_cursor() from error

"""Look requests up: one with its log, or a page of many."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.errors import BatchNotFound, RequestNotFound
from app.domain.lifecycle import OPEN, Status
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor, normalize_name
from app.services.requests.submit import AcceptedRequest
from app.store import request_lists, requests
from app.store.models import Request
from app.store.request_lists import Wanted


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


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far the requests of a batch have come."""

    id: UUID
    created_at: datetime
    requests: int
    open: int  # those that are not settled yet
    by_status: Mapping[Status, int]


@dataclass(slots=True)
class LogLine:
    """A line of a request's log; lines that Ansible wrote have the status `running`."""

    at: datetime
    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What requests have in common; None: anything. `since` and `until` are when they were accepted."""

    status: Status | None = None
    code: str | None = None
    account_id: str | None = None
    zone: str | None = None
    domain: str | None = None
    record_type: str | None = None
    source: str | None = None
    run_id: UUID | None = None
    batch_id: UUID | None = None
    since: datetime | None = None  # then or later
    until: datetime | None = None  # earlier

    def wanted(self) -> Wanted:
        """Return it with names in canonical form. Raises InvalidFilter."""
        return Wanted(
            status=self.status,
            error_code=self.code,
            account_id=self.account_id,
            zone=normalize_name("zone", self.zone),
            name=normalize_name("domain", self.domain),
            record_type=self.record_type,
            source=self.source,
            run_id=self.run_id,
            batch_id=self.batch_id,
            since=self.since,
            until=self.until,
        )


def get_request(session: Session, request_id: UUID) -> tuple[RequestState, list[LogLine]]:
    """Return a request and its log, oldest first: its own events, and the log of its runs.

    Raises RequestNotFound.
    """
    row = requests.get(session, request_id)
    if row is None:
        raise RequestNotFound
    events = requests.events(session, request_id)
    runs = {event.run_id for event in events if event.run_id is not None}
    run_events = requests.run_events(session, runs, request_id) if runs else []
    log = [LogLine(event.at, event.status, event.message) for event in events]
    log += [LogLine(event.at, Status.RUNNING, event.message) for event in run_events]
    return state_of(row), sorted(log, key=lambda line: line.at)


def find_requests(
    session: Session,
    filters: RequestFilter,
    limit: int,
    cursor: str | None,
    *,
    newest_first: bool = True,
) -> Page[RequestState]:
    """Return a page of at most `limit` requests. Raises InvalidFilter.

    What a page looks at is bounded: it can have fewer items than `limit`, even none, and yet a cursor.
    """
    wanted = filters.wanted()
    after = _read_cursor(cursor, request_lists.order(wanted)) if cursor is not None else None
    found = request_lists.page(session, wanted, limit, after, newest_first=newest_first)
    next_cursor = encode_cursor(_plain(found.position[0])) if found.position else None
    return Page([state_of(row) for row in found.rows], next_cursor)


def get_batch(session: Session, batch_id: UUID) -> BatchState:
    """Return how far the requests of a batch have come. Raises BatchNotFound."""
    batch = request_lists.get_batch(session, batch_id)
    if batch is None:
        raise BatchNotFound
    numbers = request_lists.count_by_status(session, batch)
    return BatchState(
        id=batch.id,
        created_at=batch.created_at,
        requests=sum(numbers.values()),
        open=sum(numbers.get(status, 0) for status in OPEN),
        by_status={status: numbers.get(status, 0) for status in Status},
    )


def state_of(row: Request) -> RequestState:
    """Return the request of a row."""
    return RequestState(**{field.name: getattr(row, field.name) for field in fields(RequestState)})


def _plain(position: UUID | int) -> str | int:
    return position if isinstance(position, int) else str(position)


def _read_cursor(cursor: str, order: str) -> tuple[UUID | int]:
    """Return the position in a list of that order. Raises InvalidFilter, also for another list's cursor."""
    match order, decode_cursor(cursor):
        case "seq", int(seq) if 0 <= seq < 2**63:
            return (seq,)
        case "id", str(text):
            try:
                return (UUID(text),)
            except ValueError as error:
                raise invalid_cursor() from error
    raise invalid_cursor()

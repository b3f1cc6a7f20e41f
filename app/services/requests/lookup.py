"""Look requests up: one with its log, or a page of many."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.change import Action, RRsetState
from app.domain.errors import BatchNotFound, RequestNotFound
from app.domain.lifecycle import FINAL, OPEN, Status
from app.domain.permissions import Principal, Right
from app.domain.ptr import ADDRESS_TYPES
from app.domain.server_answers import ServerAnswer, from_rows
from app.domain.told import of_failure, of_status
from app.services.paging import (
    Page,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
    normalize_name,
    normalize_zone,
)
from app.services.requests.case import ReviewState, decides_about, find_approver
from app.services.requests.case import state_of as review_state
from app.services.requests.submission import AcceptedRequest, with_ttl
from app.services.rows import values_for
from app.store import live, ptr, request_lists, requests, reviews
from app.store.models import Request
from app.store.request_lists import Approver, Wanted
from app.store.requests import LogPosition

LOG_LINES = 200  # that come with a request
_NEW_LINES_SIZE = 128 * 1024  # characters of new lines in one look, but for the last one


@dataclass(slots=True)
class RequestState(AcceptedRequest):
    """A request and how far it has come; its fields are those of the table."""

    name: str  # in canonical form
    record_type: str
    attempts: int
    run_id: UUID | None
    error_code: str | None
    error_message: str | None  # for operators
    started_at: datetime | None
    finished_at: datetime | None
    verified_at: datetime | None
    undoes: UUID | None  # the request that it takes back
    undone_by: UUID | None  # the last request that was to take it back
    ptr_of: UUID | None  # the request that has the address of which it keeps the PTR


class Progress(NamedTuple):
    """A request, what was there before and after it (None: not known), and the end of its log."""

    request: RequestState
    before: RRsetState | None
    after: RRsetState | None
    log: "Page[LogLine]"
    ptr_requests: Sequence[UUID] = ()  # which keep the PTRs of its addresses
    review: ReviewState | None = None  # the last one that it was part of
    # What each server has answered last; None: not for the reader to see
    servers: Sequence[ServerAnswer] | None = None


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


class LogMark(NamedTuple):
    """How far somebody has read a request's log as it is written: the last line of each kind.

    Lines that are not for him count, too: he does not come to them again.
    """

    own: int = 0
    of_runs: int = 0


class NewLine(NamedTuple):
    """A line that was written to a request's log, and the mark behind it."""

    line: LogLine
    is_of_run: bool  # what Ansible has said
    mark: LogMark


class NewLines(NamedTuple):
    """What was written to a request's log after a mark."""

    lines: Sequence[NewLine]
    mark: LogMark  # behind all that was looked at
    is_settled: bool  # the request; then its last lines are among these, unless there are more
    has_more: bool


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
    settled: bool = False  # only those that are
    open: bool = False  # only those that are not
    ticket: str | None = None
    value: str | None = None  # a part of one of the values, in whatever case
    approver: Approver | None = None  # only those about which he decides

    def wanted(self) -> Wanted:
        """Return it with names in canonical form. Raises InvalidFilter."""
        return Wanted(
            status=self.status,
            error_code=self.code,
            account_id=self.account_id,
            zone=normalize_zone("zone", self.zone),
            name=normalize_name("domain", self.domain),
            record_type=self.record_type,
            source=self.source,
            run_id=self.run_id,
            batch_id=self.batch_id,
            since=self.since,
            until=self.until,
            settled=self.settled,
            open=self.open,
            ticket=self.ticket,
            value=self.value,
            approver=self.approver,
        )


def get_request(session: Session, request_id: UUID, principal: Principal) -> Progress:
    """Return a request with the end of its log, oldest first; the cursor is that of the lines before.

    Raises RequestNotFound, also for one that the principal may not see.
    """
    row = _get(session, request_id, principal, with_states=True)
    log = _log(session, row, LOG_LINES, None, principal)
    removes = row.record_type in ADDRESS_TYPES and row.action is not Action.CREATE
    review = reviews.get(session, row.review_id) if row.review_id else None
    has_ptrs = removes or row.resource.get("config", {}).get("manage_ptr")
    return Progress(
        state_of(row),
        RRsetState.from_json(row.before) if row.before else None,
        RRsetState.from_json(row.after) if row.after else None,
        Page(log.items[::-1], log.next_cursor),
        ptr.requests_of(session, row.id, row.finished_at) if has_ptrs else (),
        review_state(review) if review else None,
        from_rows(row.answers or ()) if principal.reads_in_full else None,
    )


def get_log(
    session: Session, request_id: UUID, principal: Principal, limit: int, cursor: str | None
) -> Page[LogLine]:
    """Return a page of the request's log, newest first. Raises RequestNotFound, InvalidFilter."""
    row = _get(session, request_id, principal)
    before = _read_log_cursor(session, cursor) if cursor is not None else None
    return _log(session, row, limit, before, principal)


def get_states(session: Session, ids: Collection[UUID], principal: Principal) -> list[RequestState]:
    """Return those of the requests that there are, and that the principal may see."""
    return [state_of(row) for row in requests.list_of(session, ids) if principal.reads(row.account_id)]


def get_new_lines(
    session: Session, request_id: UUID, principal: Principal, after: LogMark, limit: int
) -> NewLines:
    """Return lines that were written to a request's log after that mark, the first ones first.

    They are at most `limit`, and fewer where they are long. Raises RequestNotFound.
    """
    row = _get(session, request_id, principal)
    is_settled = row.status in FINAL  # read before the lines: then the last of them are among those
    found = live.new_log_lines(
        session,
        row.id,
        limit,
        after.own,
        after.of_runs,
        in_full=principal.reads_in_full,
        finished_at=row.finished_at,
    )
    own = [line for line in found if not line.origin]
    of_runs = [line for line in found if line.origin]
    lines, mark, size = list[NewLine](), after, 0
    for line in islice(merge(own, of_runs, key=lambda line: (line.at, line.origin)), limit):
        mark = LogMark(mark.own, line.id) if line.origin else LogMark(line.id, mark.of_runs)
        if line.is_shown:
            lines.append(NewLine(_log_line(line), bool(line.origin), mark))
        size += len(line.message or "")
        if size >= _NEW_LINES_SIZE:
            break
    return NewLines(lines, mark, is_settled, size >= _NEW_LINES_SIZE or len(found) >= limit)


def _get(session: Session, request_id: UUID, principal: Principal, *, with_states: bool = False) -> Request:
    row = requests.get(session, request_id, with_states=with_states)
    if row is None or not (principal.reads(row.account_id) or decides_about(session, principal, row)):
        raise RequestNotFound
    return row


def _log(
    session: Session, row: Request, limit: int, before: LogPosition | None, reader: Principal
) -> Page[LogLine]:
    found = requests.log_lines(
        session, row.id, limit + 1, before, in_full=reader.reads_in_full, finished_at=row.finished_at
    )
    last = found[limit - 1] if len(found) > limit else None
    lines = [_log_line(line) for line in found[:limit]]
    return Page(lines, encode_cursor(session, [last.at.isoformat(), last.origin, last.id]) if last else None)


def _log_line(line: requests.LogLine) -> LogLine:
    return LogLine(line.at, Status(line.status), line.message or of_status(Status(line.status)))


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
    after = _read_cursor(session, cursor, request_lists.order(wanted)) if cursor is not None else None
    found = request_lists.page(session, wanted, limit, after, newest_first=newest_first)
    next_cursor = encode_cursor(session, _plain(found.position[0])) if found.position else None
    return Page([state_of(row) for row in found.rows], next_cursor)


def get_batch(session: Session, batch_id: UUID, principal: Principal) -> BatchState:
    """Return how far those requests of a batch have come that the principal may see. Raises BatchNotFound."""
    batch = request_lists.get_batch(session, batch_id)
    if batch is None:
        raise BatchNotFound
    accounts = None if principal.has(Right.READ_ALL) else principal.accounts
    approver = find_approver(session, principal) if principal.has(Right.APPROVE) else None
    numbers = request_lists.count_by_status(session, batch, accounts, approver)
    if not numbers and accounts is not None:
        raise BatchNotFound
    return BatchState(
        id=batch.id,
        created_at=batch.created_at,
        requests=sum(numbers.values()),
        open=sum(numbers.get(status, 0) for status in OPEN),
        by_status={status: numbers.get(status, 0) for status in Status},
    )


def state_of(row: Request) -> RequestState:
    """Return the request of a row."""
    state = RequestState(**values_for(RequestState, row))
    state.resource = with_ttl(row.resource, row.ttl)
    return state


def why_failed(state: RequestState, reader: Principal) -> str:
    """Return why the request has failed or was rejected, in the words for the reader."""
    if state.error_code is None:
        return ""
    in_full = reader.reads_in_full or state.status is Status.REJECTED  # whose words are an approver's
    return state.error_message or "" if in_full else of_failure(state.error_code)


def _plain(position: UUID | int) -> str | int:
    return position if isinstance(position, int) else str(position)


def _read_cursor(session: Session, cursor: str, order: str) -> tuple[UUID | int]:
    """Return the position in a list of that order. Raises InvalidFilter, also for another list's cursor."""
    match order, decode_cursor(session, cursor):
        case "seq", int(seq) if -(2**63) <= seq < 2**63:
            return (seq,)
        case "id", str(text):
            try:
                return (UUID(text),)
            except ValueError as error:
                raise invalid_cursor() from error
    raise invalid_cursor()


def _read_log_cursor(session: Session, cursor: str) -> LogPosition:
    match decode_cursor(session, cursor):
        case [str(at), int(origin), int(id_)] if origin in (0, 1) and 0 <= id_ < 2**63:
            try:
                return LogPosition(datetime.fromisoformat(at).astimezone(UTC), origin, id_)
            except (ValueError, OverflowError) as error:
                raise invalid_cursor() from error
    raise invalid_cursor()

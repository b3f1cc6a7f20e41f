"""Lists of requests by what they have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from app.domain.lifecycle import OPEN, Status
from app.store.models import CANCELLED, Batch, Request, Run
from app.store.pages import Found, Position, Walk

# Milliseconds that may lie between the time in a request's id, when the API read it, and that of its row:
# waiting, and clocks that differ.
_CLOCK_MARGIN = 60_000
_LAST_TIME = 2**48 - 1  # milliseconds that a UUID of version 7 can hold


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the requests of a list have in common; None: anything."""

    status: Status | None = None
    code: str | None = None  # of the error
    account_id: str | None = None
    zone: str | None = None
    name: str | None = None
    record_type: str | None = None
    source: str | None = None
    run_id: UUID | None = None
    batch_id: UUID | None = None
    since: datetime | None = None  # accepted then or later
    until: datetime | None = None  # accepted earlier

    def conditions(self, table: Any) -> Iterator[ColumnElement[bool]]:
        """Yield all conditions on a row."""
        for column in ("status", "account_id", "zone", "name", "record_type", "source", "run_id", "batch_id"):
            if (value := getattr(self, column)) is not None:
                yield getattr(table, column) == value
        if self.code is not None:
            yield table.error_code == self.code
        if self.since is not None:
            yield table.created_at >= self.since
        if self.until is not None:
            yield table.created_at < self.until


def page(
    session: Session, wanted: Wanted, limit: int, after: Position | None, *, newest_first: bool = True
) -> Found[Request]:
    """Return requests in the order of their ids, or where `order` says so in that of `seq`."""
    indexed = _indexed(wanted)
    ranges = _ranges(session, wanted)
    if ranges is None:
        return Found((), None)
    if order(wanted) == "id":
        indexed += ranges
    walk = Walk(
        Request, (order(wanted),), indexed, lambda row: list(wanted.conditions(row)), descending=newest_first
    )
    return walk.page(session, limit, after)


def order(wanted: Wanted) -> str:
    """Return the column that gives a list its order: the one in which the index has the requests."""
    by_queue = wanted.status in OPEN and wanted.zone is not None
    return "seq" if by_queue and not (wanted.name or wanted.batch_id or wanted.run_id) else "id"


def get_batch(session: Session, batch_id: UUID) -> Batch | None:
    """Return the batch of that id."""
    return session.get(Batch, batch_id)


def count_by_status(session: Session, found: Batch) -> Mapping[Status, int]:
    """Return how many requests of the batch have each status."""
    ids = Request.id.between(found.first_request_id, found.last_request_id)
    counted = select(Request.status, func.count()).where(ids, Request.batch_id == found.id)
    return {row[0]: row[1] for row in session.execute(counted.group_by(Request.status))}


def _indexed(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions that one index serves: the one that leaves the fewest rows to look at."""
    if wanted.name is not None:
        return [Request.name == wanted.name]
    if wanted.batch_id is not None or wanted.run_id is not None:
        return []  # the ranges of their ids do
    if wanted.status is Status.FAILED or wanted.code is not None:
        return [Request.error_code.is_not(None), *_first_of(wanted, "zone", "account_id", "code")]
    if wanted.status is Status.CANCELLED:
        return [text(CANCELLED)]  # type: ignore[list-item]
    if wanted.status in OPEN:
        return [Request.finished_at.is_(None), *_first_of(wanted, "zone")]
    return _first_of(wanted, "zone", "account_id")


def _first_of(wanted: Wanted, *names: str) -> list[ColumnElement[bool]]:
    for name in names:
        if (value := getattr(wanted, name)) is not None:
            return [getattr(Request, "error_code" if name == "code" else name) == value]
    return []


def _ranges(session: Session, wanted: Wanted) -> list[ColumnElement[bool]] | None:
    """Return between which ids the requests are; None: there are none."""
    ranges: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        ranges.append(Request.id >= _id_at(wanted.since, -_CLOCK_MARGIN))
    if wanted.until is not None:
        ranges.append(Request.id <= _id_at(wanted.until, _CLOCK_MARGIN))
    if wanted.batch_id is not None:
        batch = session.get(Batch, wanted.batch_id)
        if batch is None:
            return None
        ranges.append(Request.id.between(batch.first_request_id, batch.last_request_id))
    if wanted.run_id is not None:
        run = session.get(Run, wanted.run_id)
        if run is None:
            return None
        ranges += [Request.zone == run.zone, Request.id.between(run.first_request_id, run.last_request_id)]
    return ranges


def _id_at(at: datetime, margin: int) -> UUID:
    """Return the lowest id of version 7 that is made `margin` milliseconds after that time."""
    milliseconds = int(at.timestamp() * 1000) + margin
    return UUID(int=min(max(milliseconds, 0), _LAST_TIME) << 80)

"""Lists of requests by what they have in common."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Text, and_, false, func, literal, not_, or_, select, text
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from app.domain.lifecycle import OPEN, Status
from app.store import open_floor, partitions
from app.store.literals import in_text
from app.store.models import (
    AWAITING,
    CANCELLED,
    SCHEDULED,
    SCHEDULED_FROM,
    Batch,
    Record,
    Request,
    Review,
    Run,
)
from app.store.pages import Found, Position, Walk

# Milliseconds that may lie between the time in a request's id, when the API read it, and that of its row:
# waiting, and clocks that differ.
CLOCK_MARGIN = 60_000
_PARTS = {  # of partial indexes of one status each
    Status.CANCELLED: CANCELLED,
    Status.SCHEDULED: SCHEDULED,
    Status.AWAITING_APPROVAL: AWAITING,
}
_NO_COLUMNS = frozenset({"since", "until", "settled", "open", "value", "approver"})  # of what is wanted
_LAST_TIME = 2**48 - 1  # milliseconds that a UUID of version 7 can hold


def _texts(words: Collection[str]) -> ColumnElement[Any]:
    return literal(sorted(words), ARRAY(Text))


@dataclass(frozen=True, slots=True)
class Approver:
    """Who looks for requests to approve: the zones for which he does, None for all, and who he is himself."""

    zones: Collection[str] | None
    identities: Collection[str]
    accounts: Collection[str]

    def reviews(self, table: Any) -> Select[Any]:
        """Return the select that has a row where the request is, or was, for him to approve."""
        of_review = select(Review.id).where(Review.id == table.review_id)
        if self.zones is None:
            return of_review
        in_own_zones = Review.zones.bool_op("<@")(_texts(self.zones))
        return of_review.where(or_(in_own_zones, self._owns(table)))

    def conditions(self, table: Any) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions on a row that waits for an approval: his to give, not his own wish."""
        of_review = self.reviews(table)
        own = Review.asks_as.bool_op("&&")(_texts(self.identities))
        yield of_review.where(not_(own)).exists()
        if self.accounts:
            yield table.account_id.not_in(sorted(self.accounts))

    def _owns(self, table: Any) -> ColumnElement[bool]:
        """Return the condition that the RRset is his, though others may be reviewed together with it."""
        rrset = and_(
            Record.zone == table.zone, Record.name == table.name, Record.record_type == table.record_type
        )
        owned = select(Record.zone).where(rrset, Record.owner.in_(sorted(self.accounts)))
        return and_(Review.zones == array([table.zone]), owned.exists())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the requests of a list have in common; None: anything."""

    status: Status | None = None
    error_code: str | None = None
    account_id: str | None = None
    zone: str | None = None
    name: str | None = None
    record_type: str | None = None
    source: str | None = None
    run_id: UUID | None = None
    batch_id: UUID | None = None
    since: datetime | None = None  # accepted then or later
    until: datetime | None = None  # accepted earlier
    settled: bool = False  # only those that are
    open: bool = False  # only those that are not
    ticket: str | None = None
    value: str | None = None  # a part of one of the values, in whatever case
    approver: "Approver | None" = None  # only those about which he decides

    def conditions(self, table: Any) -> Iterator[ColumnElement[bool]]:
        """Yield all conditions on a row."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and field.name not in _NO_COLUMNS:
                yield getattr(table, field.name) == value
        yield from self._times(table)
        if self.settled:
            yield table.finished_at.is_not(None)
        if self.open:
            yield table.finished_at.is_(None)
        if self.value is not None:
            yield func.array_to_string(table.rdata, " ").icontains(self.value, autoescape=True)
        if self.approver is not None:
            yield from self.approver.conditions(table)

    def _times(self, table: Any) -> Iterator[ColumnElement[bool]]:
        if self.since is not None:
            yield table.created_at >= self.since
        if self.until is not None:
            yield table.created_at < self.until

    def first_of(self, *names: str) -> Mapping[str, Any]:
        """Return the first of these fields that is given."""
        return next(({name: value} for name in names if (value := getattr(self, name)) is not None), {})


def page(
    session: Session, wanted: Wanted, limit: int, after: Position | None, *, newest_first: bool = True
) -> Found[Request]:
    """Return requests in the order of their ids, or where `order` says so in that of `seq`."""
    span = _span(session, wanted)
    if span is None:
        return Found((), None)
    part, first = _index(session, wanted)

    def page_of(bounds: tuple[Any, Any], limit: int, after: Position | None) -> Found[Request]:
        walk = Walk(
            table=Request,
            order=(order(wanted),),
            wanted=lambda row: list(wanted.conditions(row)),
            first=first,
            part=part,
            lowest=bounds[:1],
            highest=bounds[1:],
            descending=newest_first,
        )
        return walk.page(session, limit, after)

    if order(wanted) != "id":
        return page_of(_span_of_queue(wanted), limit, after)
    return partitions.pages(
        session, Request.__tablename__, span, page_of, limit, after, newest_first=newest_first
    )


def order(wanted: Wanted) -> str:
    """Return the column that gives a list its order: the one in which the index has the requests."""
    by_queue = (wanted.open or wanted.status in OPEN) and wanted.zone is not None
    return "seq" if by_queue and not (wanted.name or wanted.batch_id or wanted.run_id) else "id"


def get_batch(session: Session, batch_id: UUID) -> Batch | None:
    """Return the batch of that id."""
    return session.get(Batch, batch_id)


def count_by_status(
    session: Session,
    found: Batch,
    accounts: Collection[str] | None = None,
    approver: Approver | None = None,
) -> Mapping[Status, int]:
    """Return how many requests of the batch have each status.

    With `accounts` only those of these accounts, and those that are for the approver to decide about.
    """
    ids = Request.id.between(found.first_request_id, found.last_request_id)
    counted = select(Request.status, func.count()).where(ids, Request.batch_id == found.id)
    if accounts is not None:
        to_decide = approver.reviews(Request).exists() if approver else false()
        counted = counted.where(or_(Request.account_id.in_(accounts), to_decide))
    return {row[0]: row[1] for row in session.execute(counted.group_by(Request.status))}


def _index(session: Session, wanted: Wanted) -> tuple[Sequence[ColumnElement[bool]], Mapping[str, Any]]:
    """Return the index that leaves the fewest rows to look at: its condition, its first column's value."""
    if wanted.name is not None:
        return (), {"name": wanted.name}
    if wanted.batch_id is not None:
        return (), {}
    if wanted.run_id is not None:
        run = session.get(Run, wanted.run_id)
        return (), {"zone": run.zone} if run else {}
    if wanted.status in (Status.FAILED, Status.REJECTED) or wanted.error_code is not None:
        return [Request.error_code.is_not(None)], wanted.first_of("zone", "account_id", "error_code")
    if wanted.status is Status.CANCELLED or (wanted.zone is None and wanted.status in _PARTS):
        return [text(_PARTS[wanted.status])], {}  # type: ignore[list-item]
    if wanted.open or wanted.status in OPEN:
        open_only = [Request.finished_at.is_(None), Request.id >= in_text(open_floor.read(session))]
        return open_only, wanted.first_of("zone")
    return (), wanted.first_of("zone", "account_id")


def _span_of_queue(wanted: Wanted) -> tuple[int, int]:
    """Return the values of `seq` between which the requests of that status are, inclusive."""
    if wanted.status is Status.SCHEDULED:
        return SCHEDULED_FROM, 2**63 - 1
    if wanted.status is Status.AWAITING_APPROVAL:
        return -(2**63), -1
    if wanted.status is None:
        return -(2**63), 2**63 - 1
    return 0, SCHEDULED_FROM - 1


def _span(session: Session, wanted: Wanted) -> tuple[UUID, UUID] | None:
    """Return the ids between which the requests are, inclusive; None: there are none."""
    lowest, highest = UUID(int=0), UUID(int=2**128 - 1)
    if wanted.since is not None:
        lowest = id_at(wanted.since, -CLOCK_MARGIN)
    if wanted.until is not None:
        highest = id_at(wanted.until, CLOCK_MARGIN)
    if wanted.open or wanted.status in OPEN:
        lowest = max(lowest, open_floor.read(session))
    owners = [
        session.get(table, owner_id)
        for table, owner_id in ((Batch, wanted.batch_id), (Run, wanted.run_id))
        if owner_id is not None
    ]
    for owner in owners:
        if not isinstance(owner, Batch | Run) or owner.first_request_id is None:
            return None
        lowest = max(lowest, owner.first_request_id)
        highest = min(highest, owner.last_request_id or highest)
    return lowest, highest


def id_at(at: datetime, margin: int) -> UUID:
    """Return the lowest id of version 7 that is made `margin` milliseconds after that time."""
    milliseconds = int(at.timestamp() * 1000) + margin
    return UUID(int=min(max(milliseconds, 0), _LAST_TIME) << 80)

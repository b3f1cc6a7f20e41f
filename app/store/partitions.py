"""Ways through tables in partitions: a statement plans, and locks, each partition that it may look into."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.core.partitioning import FIRST, LAST, id_at, just_below, list_partitions, shifted
from app.store.pages import Found, Position, Row

CLOCKS = timedelta(days=1)  # by which clocks do not differ
_KEPT_FOR = 60.0  # seconds for which a process remembers where partitions begin
_AT_FIRST = 2  # partitions that are looked into first; twice as many each time that they have too little
_known: WeakKeyDictionary[Engine, dict[str, tuple[float, Sequence[UUID]]]] = WeakKeyDictionary()

Span = tuple[UUID, UUID]


def lifetime(request_id: UUID, finished_at: datetime | None) -> Span:
    """Return the ids between which those are of all that belongs to a request: its runs, what it has made."""
    highest = LAST if finished_at is None else id_at(finished_at + CLOCKS)
    return shifted(request_id, -CLOCKS), highest


def begin_of_last(session: Session, table: str, number: int) -> UUID:
    """Return where the newest so many partitions begin."""
    begins = _begins(session, table)
    return begins[-number] if number < len(begins) else FIRST


def pages(
    session: Session,
    table: str,
    span: Span,
    page: Callable[[Span, int, Position | None], Found[Row]],
    limit: int,
    after: Position | None,
    *,
    newest_first: bool,
) -> Found[Row]:
    """Return a page of a list in the order of ids, which looks into some partitions after the other.

    `page` returns a page of what has ids in a span, both ends included.
    """
    rows: list[Any] = []
    spans = list(windows(session, table, span, newest_first=newest_first))
    for number, window in enumerate(spans, start=1):
        found = page(window, limit - len(rows), after)
        rows += found.rows
        if found.position is not None or number == len(spans):
            return Found(rows, found.position)
        if len(rows) == limit:
            return Found(rows, (rows[-1].id,))
    return Found(rows, None)


def windows(session: Session, table: str, span: Span, *, newest_first: bool = True) -> Iterator[Span]:
    """Yield spans that make up the whole one, in order, each of twice as many partitions."""
    lowest, highest = span
    inner = [begin for begin in _begins(session, table) if lowest < begin <= highest]
    number = _AT_FIRST
    while newest_first and len(inner) >= number:
        begin = inner[-number]
        yield begin, highest
        highest, inner, number = just_below(begin), inner[:-number], 2 * number
    while not newest_first and len(inner) >= number:
        end = inner[number - 1]
        yield lowest, just_below(end)
        lowest, inner, number = end, inner[number:], 2 * number
    yield lowest, highest


def _begins(session: Session, table: str) -> Sequence[UUID]:
    of_engine = _known.setdefault(session.connection().engine, {})
    at, begins = of_engine.get(table, (0.0, ()))
    now = time.monotonic()
    if not at or now - at > _KEPT_FOR:
        begins = [each.first for each in list_partitions(session, table)]
        of_engine[table] = (now, begins)
    return begins

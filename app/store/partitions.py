"""Ways through tables in partitions: a statement plans, and locks, each partition that it may look into."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.core.partitioning import FIRST, list_partitions
from app.store.pages import Found, Position, Row

_KEPT_FOR = 60.0  # seconds for which a process remembers where partitions begin
_AT_FIRST = 2  # partitions that are looked into first; twice as many each time that they have too little
_known: WeakKeyDictionary[Engine, dict[str, tuple[float, Sequence[UUID]]]] = WeakKeyDictionary()

Span = tuple[UUID, UUID]


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
    windows = list(_windows(_begins(session, table), span, newest_first))
    for number, window in enumerate(windows, start=1):
        found = page(window, limit - len(rows), after)
        rows += found.rows
        if found.position is not None or number == len(windows):
            return Found(rows, found.position)
        if len(rows) == limit:
            return Found(rows, (rows[-1].id,))
    return Found(rows, None)


def _windows(begins: Sequence[UUID], span: Span, newest_first: bool) -> Iterator[Span]:
    """Yield spans that make up the whole one, in order, each of twice as many partitions."""
    lowest, highest = span
    inner = [begin for begin in begins if lowest < begin <= highest]
    number = _AT_FIRST
    while newest_first and len(inner) >= number:
        begin = inner[-number]
        yield begin, highest
        highest, inner, number = UUID(int=begin.int - 1), inner[:-number], 2 * number
    while not newest_first and len(inner) >= number:
        end = inner[number - 1]
        yield lowest, UUID(int=end.int - 1)
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

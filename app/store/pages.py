"""Pages of long tables. What one page looks at is bounded, whatever it is asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from app.store.models import Base, CursorKey

SCAN_LIMIT = 10_000  # rows that one page looks at

# One index has the order that is asked for: it is walked along, whatever the statistics say.
_WALK = text(
    """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
           set_config('enable_sort', 'off', true)
    """
)

Row = TypeVar("Row", bound=Base)
Position = tuple[Any, ...]  # the values of the columns that give the order


def cursor_key(session: Session) -> bytes:
    """Return the key that cursors are sealed with."""
    return session.execute(select(CursorKey.key)).scalar_one()


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """The rows of a page, and where the next one begins; None: there is no further one.

    A page can be short, or empty, and yet not the last.
    """

    rows: Sequence[Row]
    position: Position | None


@dataclass(frozen=True, slots=True)
class Walk(Generic[Row]):
    """A way through a table: along one index, past what else is wanted."""

    table: type[Row]
    order: Sequence[str]  # the index's last columns
    wanted: Callable[[Any], Sequence[ColumnElement[bool]]]  # what is looked up in each row, of an alias
    first: Mapping[str, Any] = field(
        default_factory=dict
    )  # the index's columns before those, and their values
    part: Sequence[ColumnElement[bool]] = ()  # the condition of a partial index
    lowest: Position | None = None  # between these positions, inclusive
    highest: Position | None = None
    descending: bool = False

    def page(self, session: Session, limit: int, after: Position | None) -> Found[Row]:
        """Return up to `limit` rows that come after that position. Needs a transaction of its own."""
        session.execute(_WALK)
        way = self._way(after)
        columns = self._columns(self.table, self.order)
        end = session.execute(way.with_only_columns(*columns).offset(SCAN_LIMIT - 1).limit(1)).one_or_none()
        rows = self._rows(session, way, tuple(end) if end else None, limit + 1)
        if len(rows) > limit:
            return Found(rows[:limit], tuple(getattr(rows[limit - 1], name) for name in self.order))
        return Found(rows, tuple(end) if end else None)

    def _way(self, after: Position | None) -> Select[Any]:
        # Not "=", or the planner knows that the column does not change, and takes other indexes for fit.
        same = [
            condition
            for name, value in self.first.items()
            for column in [getattr(self.table, name)]
            for condition in (column >= value, column <= value)
        ]
        way = self._ordered(self.table, select(self.table).where(*self.part, *same))
        if self.lowest is not None:
            way = way.where(self._place >= self._at(self.lowest))
        if self.highest is not None:
            way = way.where(self._place <= self._at(self.highest))
        if len(self.order) == 1:  # partitions are left out by a column, not by a row of columns
            [column] = self._columns(self.table, self.order)
            if self.lowest is not None:
                way = way.where(column >= self.lowest[0])
            if self.highest is not None:
                way = way.where(column <= self.highest[0])
        if after is not None:
            position = self._at(after)
            way = way.where(self._place < position if self.descending else self._place > position)
        return way

    def _rows(self, session: Session, way: Select[Any], end: Position | None, limit: int) -> list[Row]:
        if end is not None:
            position = self._at(end)
            way = way.where(self._place >= position if self.descending else self._place <= position)
        # The limit is a bound for the planner, too. Twice as many: new rows may have come meanwhile.
        seen = aliased(self.table, way.limit(2 * SCAN_LIMIT).subquery())
        statement = self._ordered(seen, select(seen).where(and_(True, *self.wanted(seen))))
        return list(session.scalars(statement.limit(limit)))

    @property
    def _place(self) -> Any:
        return tuple_(*self._columns(self.table, [*self.first, *self.order]))

    def _at(self, position: Position) -> Any:
        return tuple_(*self.first.values(), *position)

    def _ordered(self, table: Any, statement: Select[Any]) -> Select[Any]:
        columns = self._columns(table, [*self.first, *self.order])
        return statement.order_by(*(column.desc() if self.descending else column for column in columns))

    def _columns(self, table: Any, names: Sequence[str]) -> list[Any]:
        return [getattr(table, name) for name in names]

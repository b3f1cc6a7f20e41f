"""Pages of long tables. What one page looks at is bounded, whatever it is asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, select, text, true, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from app.store.literals import in_text
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
        rows, end = self._read(session, self._way(after), limit + 1)
        if len(rows) > limit:
            return Found(rows[:limit], self._position(rows[limit - 1]))
        return Found(rows, self._position(end) if end is not None else None)

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
                way = way.where(column >= _bound(self.lowest[0]))
            if self.highest is not None:
                way = way.where(column <= _bound(self.highest[0]))
        if after is not None:
            position = self._at(after)
            way = way.where(self._place < position if self.descending else self._place > position)
        return way

    def _read(self, session: Session, way: Select[Any], most: int) -> tuple[list[Row], Row | None]:
        """Return the first rows of those that are wanted, and the one at which the walk has to end, if any.

        In one statement, so of one snapshot. PostgreSQL looks for that end when the rows are too few.
        """
        seen = aliased(self.table, way.limit(SCAN_LIMIT).subquery())
        wanted = self._ordered(seen, select(seen).where(and_(True, *self.wanted(seen)))).limit(most)
        last = way.add_columns(true().label("is_end")).offset(SCAN_LIMIT - 1).limit(1)
        both = union_all(wanted.add_columns(false().label("is_end")), last).limit(most).subquery()
        rows = session.execute(select(aliased(self.table, both), both.c.is_end)).all()
        end = next((row for row, is_end in rows if is_end), None)
        return [row for row, is_end in rows if not is_end], end

    def _position(self, row: Row) -> Position:
        return tuple(getattr(row, name) for name in self.order)

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


def _bound(value: Any) -> Any:
    """Return a bound as statements have it: an id is in their text, since it bounds the partitions."""
    return in_text(value) if isinstance(value, UUID) else value

"""Pages of long tables. What one page looks at is bounded, whatever it is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.store.models import Base

SCAN_LIMIT = 10_000  # rows that one page looks at

Row = TypeVar("Row", bound=Base)
Position = tuple[Any, ...]  # the values of the columns that give the order


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """The rows of a page, and where the next one begins; None: there is no further one.

    A page can be short, or empty, and yet not the last.
    """

    rows: Sequence[Row]
    position: Position | None


@dataclass(frozen=True, slots=True)
class Walk(Generic[Row]):
    """A way through a table: along one index, in its order, past what else is wanted."""

    table: type[Row]
    order: Sequence[str]  # columns: the last ones of the index
    indexed: Sequence[ColumnElement[bool]]  # what the index finds at once
    wanted: Callable[[Any], Sequence[ColumnElement[bool]]]  # what is looked up in each row, of an alias
    descending: bool = False

    def page(self, session: Session, limit: int, after: Position | None) -> Found[Row]:
        """Return up to `limit` rows that come after that position."""
        way = self._ordered(self.table, select(self.table).where(*self.indexed))
        if after is not None:
            way = way.where(self._beyond(self.table, after))
        end = session.execute(
            way.with_only_columns(*self._columns(self.table)).offset(SCAN_LIMIT - 1).limit(1)
        ).one_or_none()
        rows = self._rows(session, way, tuple(end) if end else None, limit + 1)
        if len(rows) > limit:
            return Found(rows[:limit], tuple(getattr(rows[limit - 1], name) for name in self.order))
        return Found(rows, tuple(end) if end else None)

    def _rows(self, session: Session, way: Select[Any], end: Position | None, limit: int) -> list[Row]:
        if end is not None:
            columns = tuple_(*self._columns(self.table))
            way = way.where(columns >= tuple_(*end) if self.descending else columns <= tuple_(*end))
        # OFFSET keeps the planner from looking for another way.
        seen = aliased(self.table, way.offset(0).subquery())
        statement = self._ordered(seen, select(seen).where(and_(True, *self.wanted(seen))))
        return list(session.scalars(statement.limit(limit)))

    def _columns(self, table: Any) -> list[Any]:
        return [getattr(table, name) for name in self.order]

    def _ordered(self, table: Any, statement: Select[Any]) -> Select[Any]:
        columns = self._columns(table)
        return statement.order_by(*(column.desc() if self.descending else column for column in columns))

    def _beyond(self, table: Any, position: Position) -> ColumnElement[bool]:
        columns = tuple_(*self._columns(table))
        return columns < tuple_(*position) if self.descending else columns > tuple_(*position)

"""The partitions of the tables: made ahead of the clock, and of tables that an older release has made."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.core import partition_switch, partitioning
from app.core.config import settings
from app.core.database import AnySession, engine, statements
from app.core.logging import get_logger
from app.core.partitioning import TABLES, Partitioned
from app.store import keys, open_floor, upkeep

log = get_logger(__name__)

LOCK_TIMEOUT = 0.2  # seconds: while somebody waits for a table, everybody who comes later waits behind him
MOST_COUNTED = 10_000  # rows of a default partition
_PAUSES = (0.2, 1.0, 5.0)  # seconds between tries of a command
_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended('partitions', 0))")


class State(NamedTuple):
    """A table, and its partitions but for the default one; none: it is a plain one."""

    table: str
    partitions: Sequence[partitioning.Partition]
    in_default: int  # rows of the default partition; MOST_COUNTED stand for more, too

    def ahead(self, now: datetime) -> int:
        """Return how many partitions begin later."""
        return sum(partitioning.time_of(each.first) > now for each in self.partitions)

    def seconds_overdue(self, now: datetime) -> float:
        """Return since when the oldest partition is to be dropped, by `RETENTION`; 0: it is not."""
        if not settings().retention or not self.partitions:
            return 0.0
        age = now - partitioning.time_of(self.partitions[0].end)
        return max(0.0, age.total_seconds() - settings().retention)


def list_states(session: AnySession) -> list[State]:
    """Return the tables and their partitions."""
    found = ((each.name, partitioning.list_partitions(session, each.name)) for each in TABLES)
    return [State(name, each, _count_default(session, name) if each else 0) for name, each in found]


def _count_default(session: AnySession, table: str) -> int:
    statement = text(f"SELECT count(*) FROM (SELECT FROM {table}_default LIMIT {MOST_COUNTED}) AS first")  # noqa: S608
    return int(session.execute(statement).scalar_one())


def is_switched() -> bool:
    """Return whether requests are in partitions."""
    with engine().connect() as connection:
        return partitioning.is_partitioned(connection, TABLES[0].name)


@contextmanager
def changing(lock_timeout: float = LOCK_TIMEOUT) -> Iterator[Connection | None]:
    """A transaction that changes partitions; None while another process does."""
    with engine().begin() as connection:
        milliseconds = round(lock_timeout * 1_000)
        connection.execute(text(f"SET LOCAL lock_timeout = {milliseconds}; SET LOCAL statement_timeout = 0"))
        yield connection if connection.scalar(_TURN) else None


def is_locked(error: OperationalError) -> bool:
    """Return whether somebody uses a table that has to be changed."""
    return isinstance(error.orig, LockNotAvailable)


def make_ahead(now: datetime | None = None) -> int:
    """Make the partitions of this time and of the next one, where there are none; return how many.

    Where somebody uses a table, the next call tries again: there is time enough, and until then the default
    partition takes the rows.
    """
    now = now or _read_time()
    made = 0
    for table in TABLES:
        try:
            while _make_next(table, now):
                made += 1
        except OperationalError as error:
            if not is_locked(error):
                raise
            log.info("partition not made yet: the table is used; tried again soon", table=table.name)
    return made


def _read_time() -> datetime:
    with statements() as session:
        return upkeep.read_time(session)


def _make_next(table: Partitioned, now: datetime) -> bool:
    with changing() as connection:
        if connection is None or not partitioning.is_partitioned(connection, table.name):
            return False
        made = partitioning.make_next(connection, table, settings().partition_span, now)
    if made:
        log.info("partition made", partition=made.name, until=partitioning.time_of(made.end).isoformat())
    return made is not None


def tend() -> None:
    """Keep partitions, the floor of open work and the age of idempotency keys as they are to be."""
    with statements() as session:
        now = upkeep.read_time(session)
        if settings().migrate == "auto":
            make_ahead(now)
        if not partitioning.is_partitioned(session, TABLES[0].name):
            return
        if (opened := open_floor.mend(session)) is not None:
            log.warning(
                "a request is open that is older than the floor of open work, which was lowered: look at the"
                " clock of the API that has accepted it, unless somebody has opened it by hand",
                request_id=str(opened),
            )
        open_floor.raise_when_due(session, now)
        keys.forget_some(session, now, settings().idempotency_lifetime)


def switch() -> Iterator[str]:
    """Make the plain tables partitions; yield what was done. No process of an older release may be running.

    What reads a whole table is done beside those who use it; each is locked for a moment at the end.
    """
    now = _read_time()
    end = partition_switch.end_of_first(now, settings().partition_span)
    for table in TABLES:
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if partitioning.is_partitioned(connection, table.name):
                continue
            partition_switch.prepare(connection, table, end)
        _switch(table, end)
        yield table.name
    make_ahead(now)


def _switch(table: Partitioned, end: UUID) -> None:
    pauses = iter(_PAUSES)
    while True:
        try:
            with changing(2.0) as connection:
                if connection is not None:
                    partition_switch.switch(connection, table, end)
                    return
        except OperationalError as error:
            if not is_locked(error):
                raise
            log.warning("table not switched yet: it is used; tried again", table=table.name)
        time.sleep(next(pauses, _PAUSES[-1]))

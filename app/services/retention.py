"""Retention: what is old is written to files, where that is wanted, and dropped, a partition as a whole.

A partition is detached first: nobody changes what is exported then, and however often the export is
interrupted, it goes on. What is open is never dropped, and neither is what is recorded of zones.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.core import partitioning
from app.core.config import settings
from app.core.database import AnySession, engine, statements
from app.core.logging import get_logger
from app.core.partitioning import TABLES, Partition, Partitioned
from app.core.startup import cause
from app.services import partition_file
from app.services.partitions import changing, is_locked
from app.store import open_floor, upkeep

log = get_logger(__name__)

_RETIRED = "retired_"  # what the name of a partition begins with that is detached, and not dropped yet
_MOST_FORGOTTEN = 10_000  # rows of a table, at once
_CLOCKS = timedelta(days=1)  # by which ids of what belongs together do not differ
_LIST_RETIRED = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    " AND starts_with(relname, :prefix) ORDER BY relname"
)
_TAKE_TURN = text("SELECT pg_try_advisory_lock(hashtextextended('retention', 0))")
_END_TURN = text("SELECT pg_advisory_unlock(hashtextextended('retention', 0))")
_at_work = Lock()
# Reviews and offers that are not decided yet stay until they are, or expire.
_FORGET = tuple(
    text(
        f"DELETE FROM {table} WHERE id IN ("  # noqa: S608
        f"SELECT id FROM {table} WHERE id < :before AND {condition} ORDER BY id LIMIT :most)"
    )
    for table, condition in {
        "dns_batches": "last_request_id < :before",
        "dns_reviews": "decided_at IS NOT NULL",
        "access_transfers": "decided_at IS NOT NULL",
    }.items()
)


def retire_in_background() -> None:
    """Drop what is older than `RETENTION`, in a thread of its own, unless it is still at work."""
    if settings().retention and settings().migrate == "auto" and _at_work.acquire(blocking=False):
        Thread(target=_retire_what_is_old, name="retention", daemon=True).start()


def _retire_what_is_old() -> None:
    try:
        with turn() as is_mine:
            if is_mine:
                with statements() as session:
                    before = upkeep.read_time(session) - timedelta(seconds=settings().retention)
                deque(retire(before, settings().export_folder), maxlen=0)
    except OSError as error:
        log.error(
            "nothing old is dropped: the export can't be written; tried again in a minute",
            folder=str(settings().export_folder),
            error=str(error),
        )
    except SQLAlchemyError as error:
        log.warning("nothing old is dropped: no database; tried again in a minute", error=cause(error))
    finally:
        _at_work.release()


@contextmanager
def turn() -> Iterator[bool]:
    """Keep other workers, and commands, from the same; False while one of them is at work."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_mine = bool(connection.scalar(_TAKE_TURN))
        try:
            yield is_mine
        finally:
            if is_mine:
                connection.execute(_END_TURN)


def retire(before: datetime, folder: Path | None) -> Iterator[str]:
    """Drop the partitions that end before that time, written to files in the folder first; yield their names.

    In a `turn`. Raises OSError when a file can't be written: then nothing more is taken away.
    """
    if folder is not None:
        partition_file.require_writable(folder)
        yield from export_retired(folder)  # which an earlier time has left: as long as it can't, no more is
    for table in TABLES:
        for partition in _list_before(table, before):
            if not _take_away(table, partition, keep=folder is not None):
                break  # those that are newer wait for it
            if folder is None:
                yield partition.name
    if folder is not None:
        yield from export_retired(folder)
    _forget_left_behind()


def export_retired(folder: Path) -> Iterator[str]:
    """Write what is detached to files, and drop it; yield the names of the files."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in TABLES:
            for name in list(connection.scalars(_LIST_RETIRED, {"prefix": f"{_RETIRED}{table.name}_"})):
                path = folder / f"{name.removeprefix(_RETIRED)}.jsonl.gz"
                partition_file.write(connection, name, table.primary_key, path)
                connection.exec_driver_sql(f"DROP TABLE {name}")
                partition_file.forget_place(path)
                log.info("partition exported and dropped", partition=name, file=str(path))
                yield str(path)


def list_taken_out(session: AnySession) -> list[str]:
    """Return the partitions that were taken out and are not dropped: the export goes on, or can't."""
    names = session.execute(_LIST_RETIRED, {"prefix": _RETIRED}).scalars()
    return [name.removeprefix(_RETIRED) for name in names]


def _list_before(table: Partitioned, before: datetime) -> list[Partition]:
    with engine().connect() as connection:
        end = partitioning.id_at(before)
        if table is not TABLES[0]:  # logs and runs stay as long as the requests of their time
            kept = partitioning.list_partitions(connection, TABLES[0].name)
            end = min(end, kept[0].first if kept else end)
        return [each for each in partitioning.list_partitions(connection, table.name) if each.end <= end]


def _take_away(table: Partitioned, partition: Partition, *, keep: bool) -> bool:
    """Drop the partition, or with `keep` detach it; return False where it has to stay for now."""
    name = partition.name
    try:
        with changing() as connection:
            if connection is None:
                return False
            connection.exec_driver_sql(f"LOCK TABLE {table.name}, {name} IN ACCESS EXCLUSIVE MODE")
            if table is TABLES[0] and open_floor.oldest_open(connection, name) is not None:
                log.warning("partition kept, though it is old: some of its requests are open", partition=name)
                return False
            if keep:
                connection.exec_driver_sql(f"ALTER TABLE {table.name} DETACH PARTITION {name}")
                connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {_RETIRED}{name}")
            else:
                connection.exec_driver_sql(f"DROP TABLE {name}")
    except OperationalError as error:
        if not is_locked(error):
            raise
        log.info("partition not retired yet: the table is used; tried again soon", partition=name)
        return False
    log.info("partition detached, to be exported" if keep else "partition dropped", partition=name)
    return True


def _forget_left_behind() -> None:
    """Forget some of what belonged to requests that are gone, and has a table of its own."""
    with engine().begin() as connection:
        kept = partitioning.list_partitions(connection, TABLES[0].name)
        if kept and kept[0].first > partitioning.FIRST:
            before = partitioning.shifted(kept[0].first, -_CLOCKS)
            for statement in _FORGET:
                connection.execute(statement, {"before": before, "most": _MOST_FORGOTTEN})

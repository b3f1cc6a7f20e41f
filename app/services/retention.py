"""Retention: what is old is written to files, where that is wanted, and dropped, a partition as a whole.

A partition is detached first: nobody changes what is exported then, and however often the export is
interrupted, it goes on. What is open is never dropped, and neither is what is recorded of zones.
"""

import gzip
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.core import partitioning
from app.core.config import settings
from app.core.database import engine
from app.core.logging import get_logger
from app.core.partitioning import TABLES, Partition, Partitioned
from app.core.startup import cause
from app.services.partitions import changing, is_locked
from app.store import open_floor

log = get_logger(__name__)

_RETIRED = "retired_"  # what the name of a partition begins with that is detached, and not dropped yet
ROWS_AT_ONCE = 20_000  # rows in one part of a file
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
        with _turn() as is_mine:
            if is_mine:
                before = datetime.now(UTC) - timedelta(seconds=settings().retention)
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
def _turn() -> Iterator[bool]:
    """Keep other workers from the same; False while one of them is at work."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_mine = bool(connection.scalar(_TAKE_TURN))
        try:
            yield is_mine
        finally:
            if is_mine:
                connection.execute(_END_TURN)


def retire(before: datetime, folder: Path | None) -> Iterator[str]:
    """Drop the partitions that end before that time, written to files in the folder first; yield their names.

    Raises OSError when a file can't be written: then nothing more is taken away.
    """
    if folder is not None:
        _require_writable(folder)
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
                _export(connection, name, table.primary_key, path)
                connection.exec_driver_sql(f"DROP TABLE {name}")
                log.info("partition exported and dropped", partition=name, file=str(path))
                yield str(path)


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


def _require_writable(folder: Path) -> None:
    """Raise OSError where no file can be written there."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.write_bytes(b"")
    probe.unlink()


def _export(connection: Connection, name: str, key: Sequence[str], path: Path) -> None:
    """Write the rows as JSON lines, gzipped, in the order of their key; goes on with a file that was begun.

    The file is a chain of gzip's members, each with some rows, and gets its name when it is complete.
    """
    if path.exists():
        return
    part, place = path.with_suffix(".part"), path.with_suffix(".place")
    octets, after = _read_place(place)
    with part.open("r+b" if octets else "wb") as file:
        file.truncate(octets)
        file.seek(octets)
        while rows := _next_rows(connection, name, key, after):
            file.write(gzip.compress("".join(f"{row.line}\n" for row in rows).encode()))
            _sync(file)
            after = [str(value) for value in rows[-1][1:]]
            _write_place(place, file.tell(), after)
    part.rename(path)
    place.unlink(missing_ok=True)


def _next_rows(connection: Connection, name: str, key: Sequence[str], after: Sequence[str]) -> Sequence[Any]:
    columns = ", ".join(key)
    behind = f"WHERE ({columns}) > ({', '.join(f':after_{n}' for n in range(len(after)))})" if after else ""
    statement = text(
        f"SELECT CAST(row_to_json(row) AS text) AS line, {columns} FROM {name} AS row {behind}"  # noqa: S608
        f" ORDER BY {columns} LIMIT {ROWS_AT_ONCE}"
    )
    typed = {f"after_{n}": UUID(value) if n == 0 else int(value) for n, value in enumerate(after)}
    return connection.execute(statement, typed).all()


def _read_place(place: Path) -> tuple[int, list[str]]:
    if not place.exists():
        return 0, []
    kept = json.loads(place.read_text())
    return int(kept["octets"]), [str(each) for each in kept["after"]]


def _write_place(place: Path, octets: int, after: Sequence[str]) -> None:
    new = place.with_suffix(".new")
    with new.open("w") as file:
        json.dump({"octets": octets, "after": list(after)}, file)
        _sync(file)
    new.rename(place)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())

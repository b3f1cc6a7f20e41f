"""A partition that was taken out, written to a file: JSON lines, gzipped, in the order of its key.

The file is a chain of gzip's members, each with some rows, and gets its name when it is complete. Beside it
stands whose it is and how far it is, until its table is dropped: a file of another table, of another database
say, is never taken for this one's.
"""

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

ROWS_AT_ONCE = 20_000  # rows in one part of a file
_OWNER = text(
    """
    SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                     (SELECT oid FROM pg_database WHERE datname = current_database()),
                     CAST(to_regclass(:name) AS oid))
    """
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose a file is, and how far."""

    table: str
    octets: int = 0
    after: list[str] = field(default_factory=list)


def require_writable(folder: Path) -> None:
    """Raise OSError where no file can be written there."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.write_bytes(b"")
    probe.unlink()


def write(connection: Connection, name: str, key: Sequence[str], path: Path) -> None:
    """Write the rows of a table; goes on with a file that was begun, and leaves one that is complete.

    Raises OSError, also where the file is another table's. Call `forget_place` when the table is dropped.
    """
    place = _claim(path, str(connection.scalar(_OWNER, {"name": name})))
    if path.exists():
        return
    part = path.with_suffix(".part")
    with part.open("r+b" if place.octets else "wb") as file:
        file.truncate(place.octets)
        file.seek(place.octets)
        while rows := _next_rows(connection, name, key, place.after):
            file.write(gzip.compress("".join(f"{row.line}\n" for row in rows).encode()))
            _sync(file)
            place = _Place(place.table, file.tell(), [str(value) for value in rows[-1][1:]])
            _write_place(path, place)
        if not place.octets:  # no bytes are no gzip
            file.write(gzip.compress(b""))
            _sync(file)
    part.rename(path)
    _sync_folder(path.parent)


def forget_place(path: Path) -> None:
    """Remove what stands beside a file while it may have to be gone on with."""
    _place_of(path).unlink(missing_ok=True)


def _claim(path: Path, table: str) -> _Place:
    place = _read_place(path)
    if place is None and not path.exists():
        place = _Place(table)
        _write_place(path, place)
    if place is None or place.table != table:
        raise FileExistsError(f"{path} is of another table, or of another database: move it away")
    return place


def _next_rows(connection: Connection, name: str, key: Sequence[str], after: Sequence[str]) -> Sequence[Any]:
    columns = ", ".join(key)
    behind = f"WHERE ({columns}) > ({', '.join(f':after_{n}' for n in range(len(after)))})" if after else ""
    statement = text(
        f"SELECT CAST(row_to_json(row) AS text) AS line, {columns} FROM {name} AS row {behind}"  # noqa: S608
        f" ORDER BY {columns} LIMIT {ROWS_AT_ONCE}"
    )
    typed = {f"after_{n}": UUID(value) if n == 0 else int(value) for n, value in enumerate(after)}
    return connection.execute(statement, typed).all()


def _place_of(path: Path) -> Path:
    return path.with_suffix(".place")


def _read_place(path: Path) -> _Place | None:
    place = _place_of(path)
    return _Place(**json.loads(place.read_text())) if place.exists() else None


def _write_place(path: Path, place: _Place) -> None:
    new = path.with_suffix(".new")
    with new.open("w") as file:
        json.dump(asdict(place), file)
        _sync(file)
    new.rename(_place_of(path))


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Let a name outlive a power cut that comes when the table is dropped already."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

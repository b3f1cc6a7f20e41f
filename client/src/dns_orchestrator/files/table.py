"""CSV: a line of names, and a change on each line below it."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from pydantic import ValidationError

from dns_orchestrator.change import Change
from dns_orchestrator.files.entry import Entry, FileInvalid
from dns_orchestrator.files.objects import why

# What columns may be called, and which field of a change they are.
COLUMNS = {
    "action": "action",
    "name": "domain",
    "domain": "domain",
    "type": "record_type",
    "record_type": "record_type",
    "value": "target",
    "target": "target",
    "ttl": "ttl",
    "priority": "priority",
    "comment": "comment",
    "ptr": "manage_ptr",
    "manage_ptr": "manage_ptr",
    "zone": "zone",
    "view": "view",
    "account": "account_id",
    "account_id": "account_id",
    "not_before": "not_before",
    "reason": "reason",
    "ticket": "ticket",
}
_NEEDED = frozenset({"domain", "record_type"})


def read_csv(text: str) -> list[Entry]:
    """Return the changes of a table, with commas, semicolons or tabs. Raises FileInvalid."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        fields = _fields(next(reader, []))
        return list(_rows(reader, fields))
    except csv.Error as error:
        raise FileInvalid(reader.line_num, str(error)) from error


def _fields(head: list[str]) -> list[str]:
    names = [name.strip().lower() for name in head]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        words = f"no such column: {', '.join(map(repr, unknown))}; there are {', '.join(COLUMNS)}"
        raise FileInvalid(1, words)
    fields = [COLUMNS[name] for name in names]
    if not set(fields) >= _NEEDED or len(fields) != len(set(fields)):
        raise FileInvalid(
            1, "the first line names the columns: name, type, value and what else there is, once"
        )
    return fields


def _rows(reader: Any, fields: list[str]) -> Iterator[Entry]:
    before = reader.line_num
    for row in reader:
        line, before = before + 1, reader.line_num
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(fields):
            raise FileInvalid(line, f"{len(row)} cells, where the first line has {len(fields)}")
        given = {field: cell.strip() for field, cell in zip(fields, row, strict=False) if cell.strip()}
        try:
            yield Entry(line, Change.model_validate(given))
        except ValidationError as error:
            raise FileInvalid(line, why(error)) from error

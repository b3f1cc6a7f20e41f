"""Files of changes as rows: tables as spreadsheets write them, JSON lines, and master files."""

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

from app.domain.change import Action
from app.domain.change_row import ChangeRow, row_of_item
from app.domain.errors import InvalidInput, Reason, quoted
from app.domain.master_file import MasterFile
from app.domain.names import domain_name
from app.domain.rdata import RecordType

MAX_ROWS = 500

_COLUMNS = {
    "domain": "name",
    "record_type": "type",
    "record type": "type",
    "target": "value",
    "rdata": "value",
    "data": "value",
} | {field: field for field in ChangeRow._fields}
_USUAL = ("name", "type", "ttl", "value")  # where no line names the columns
_FLAT = frozenset(ChangeRow._fields)


def read_changes_file(text: str, zone: str | None) -> list[ChangeRow]:
    """Return the changes of a file; what it is, its text tells. A master file's RRsets are upserts.

    `zone` is the origin of a master file. Raises InvalidInput with all that is wrong in it.
    """
    begin = text.lstrip("\ufeff").lstrip()
    text = text.lstrip("\ufeff")
    if begin.startswith(("{", "[")):
        rows = list(_of_json(begin))
    elif _is_table(begin):
        rows = list(_of_table(text))
    else:
        rows = _of_master_file(text, zone)
    if not rows:
        raise _invalid(1, "there is no change in it")
    if len(rows) > MAX_ROWS:
        raise InvalidInput(
            [Reason(("file",), "too_many_items", f"{len(rows):,} changes, {MAX_ROWS} are shown at once")]
        )
    return rows


def _is_table(text: str) -> bool:
    """Whether the first line names columns, or is a change with its cells in the usual order.

    Master files have tabs, too: name, TTL, class, type.
    """
    cells = [cell.strip().lower() for cell in _cells_of(text.partition("\n")[0])]
    if len(cells) < 3:
        return False
    if set(cells) <= set(_COLUMNS):
        return True
    usual = cells[1:] if cells[0] in set(Action) else cells
    is_typed = len(usual) > 2 and usual[1].upper() in RecordType.__members__
    return "," in text.partition("\n")[0] or (is_typed and (not usual[2] or usual[2].isdigit()))


def _cells_of(head: str) -> list[str]:
    return head.split(_delimiter(head))


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def _of_table(text: str) -> Iterator[ChangeRow]:
    head = text.strip().partition("\n")[0]
    reader = csv.reader(StringIO(text.lstrip(), newline=""), delimiter=_delimiter(head), strict=True)
    fields: Sequence[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if fields is None:
                fields = _fields(cells)
                if fields is not None:
                    continue
                fields = ("action", *_USUAL) if cells[0].strip().lower() in set(Action) else _USUAL
            if len(cells) > len(fields):
                raise _invalid(reader.line_num, f"{len(cells)} cells, where there are {len(fields)} columns")
            yield ChangeRow(**{field: cell.strip() for field, cell in zip(fields, cells, strict=False)})
    except csv.Error as error:
        raise _invalid(reader.line_num, str(error)) from error


def _fields(cells: Sequence[str]) -> Sequence[str] | None:
    """Return which fields the columns are, where the line names them; None where it is a change itself."""
    names = [cell.strip().lower() for cell in cells]
    if "type" not in names and "record_type" not in names and "record type" not in names:
        return None
    unknown = [name for name in names if name not in _COLUMNS]
    fields = [_COLUMNS[name] for name in names if name in _COLUMNS]
    if unknown or len(set(fields)) != len(fields):
        said = ", ".join(map(quoted, unknown)) or "one of them twice"
        raise _invalid(1, f"columns are {', '.join(ChangeRow._fields)}; there is {said}")
    return fields


def _of_json(text: str) -> Iterator[ChangeRow]:
    for number, item in _json_items(text):
        if not isinstance(item, dict):
            raise _invalid(number, "a change is an object")
        action = str(item.get("action") or "")
        if "resource" in item:
            yield row_of_item(item, action)
            continue
        given = {_COLUMNS.get(str(key).lower(), str(key)): value for key, value in item.items()}
        if unknown := set(given) - _FLAT:
            raise _invalid(
                number, f"fields are {', '.join(ChangeRow._fields)}; there is {quoted(min(unknown))}"
            )
        value = given.get("value", "")
        given["value"] = "\n".join(map(str, value)) if isinstance(value, list) else value
        yield ChangeRow(**{key: "" if each is None else str(each) for key, each in given.items()})


def _json_items(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the items with the numbers of their lines: of a list, a batch, or one on each line."""
    try:
        whole = json.loads(text)
    except RecursionError as error:
        raise _invalid(1, "it is nested too deeply") from error
    except ValueError:
        yield from _json_lines(text)
        return
    if isinstance(whole, dict) and isinstance(whole.get("requests"), list):
        whole = whole["requests"]
    yield from enumerate(whole if isinstance(whole, list) else [whole], 1)


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _invalid(number, "this line is no JSON") from error


def _of_master_file(text: str, zone: str | None) -> list[ChangeRow]:
    if zone is None:
        raise InvalidInput(
            [Reason(("zone",), "zone_missing", "say which zone the names of a master file are in")]
        )
    file = MasterFile(text.splitlines(keepends=True), domain_name(zone), MAX_ROWS * 10, whole=False)
    found: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for record in file.records():
        found.setdefault((record.name, str(record.type)), (record.ttl, []))[1].append(record.rdata)
    return [
        ChangeRow(Action.UPSERT.value, name, type_, str(ttl), "\n".join(values))
        for (name, type_), (ttl, values) in found.items()
    ]


def _invalid(line: int, message: str) -> InvalidInput:
    return InvalidInput([Reason(("file", line), "file_invalid", f"line {line}: {message}")])

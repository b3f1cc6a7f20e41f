"""Files of changes as rows: tables as spreadsheets write them, JSON lines, and master files."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import Any

from app.domain.change import Action
from app.domain.change_row import ChangeRow, flag_in_words, read_flag
from app.domain.errors import DomainError, InvalidInput, Reason, quoted
from app.domain.master_file import MasterFile
from app.domain.names import domain_name
from app.domain.rdata import RecordType
from app.domain.reasons import MAX_REASONS

MAX_ROWS = 500
_MAX_LINES = 20_000

_FIELDS = ChangeRow._fields
_COLUMNS = {
    "domain": "name",
    "record_type": "type",
    "record type": "type",
    "target": "value",
    "rdata": "value",
    "data": "value",
    "ptr": "manage_ptr",
} | {field: field for field in _FIELDS}
_USUAL = ("name", "type", "ttl", "value")  # where no line names the columns
_ACTIONS = frozenset(Action)
_NESTED = ("resource", "config", "extra_config")  # each within the one before
_ORIGIN = re.compile(r"^\$ORIGIN[ \t]+(\S+)", re.MULTILINE | re.IGNORECASE)


class _Unreadable(ValueError):
    """What is wrong with a line, in words."""


def read_changes_file(text: str, zone: str | None) -> list[ChangeRow]:
    """Return the changes of a file; what it is, its text tells. A master file's RRsets are upserts.

    `zone` is the origin of a master file that does not say it. Raises InvalidInput with all that is wrong in
    it, as far as the first hundred reasons.
    """
    rows: list[ChangeRow] = []
    reasons: list[Reason] = []
    for each in _read(text.lstrip("\ufeff"), zone):
        if isinstance(each, Reason):
            reasons.append(each)
        else:
            rows.append(each)
        if len(reasons) >= MAX_REASONS or len(rows) > MAX_ROWS:
            break
    if len(rows) > MAX_ROWS:
        words = f"there are more than {MAX_ROWS} changes; dns-orchestrator apply takes larger files"
        reasons.append(Reason(("file",), "too_many_items", words))
    elif not rows and not reasons:
        reasons.append(Reason(("file",), "file_invalid", "there is no change in it"))
    if reasons:
        raise InvalidInput(reasons)
    return rows


def _read(text: str, zone: str | None) -> Iterator[ChangeRow | Reason]:
    if len(text.splitlines()) > _MAX_LINES:
        words = f"it has more than {_MAX_LINES:,} lines; dns-orchestrator apply takes larger files"
        return iter([Reason(("file",), "file_too_large", words)])
    begin = text.lstrip()
    if begin.startswith(("{", "[")):
        return _of_json(text)
    return _of_table(text) if _is_table(begin.partition("\n")[0]) else _of_master_file(text, zone)


def _is_table(head: str) -> bool:
    """Whether the first line names columns, or is a change with its cells in the usual order.

    Master files have tabs, commas and semicolons, too: name, TTL, class, type, then data or a comment.
    """
    cells = [cell.strip().lower() for cell in _cells_of(head)]
    if len(cells) < 2 or not cells[0] or cells[0].startswith("$"):
        return False
    if _names_columns(cells):
        return True
    if _delimiter(head) == ",":
        return len(cells) > 2 and " " not in cells[0]
    _, kind, ttl, *_ = [*(cells[1:] if cells[0] in _ACTIONS else cells), "", ""]
    return kind.upper() in RecordType.__members__ and (not ttl or ttl.isdigit())


def _names_columns(cells: Sequence[str]) -> bool:
    return any(_COLUMNS.get(cell) == "type" for cell in cells)


def _cells_of(head: str) -> list[str]:
    try:
        return next(csv.reader([head], delimiter=_delimiter(head)), [])
    except csv.Error:
        return []


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def _of_table(text: str) -> Iterator[ChangeRow | Reason]:
    head = text.lstrip().partition("\n")[0]
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(head), strict=True)
    fields: Sequence[str] = ()
    try:
        for cells in reader:
            found = [cell.strip() for cell in cells]
            if not any(found):
                continue
            if not fields:
                fields, is_named = _fields_of([cell.lower() for cell in found])
                if is_named:
                    continue
            yield _row_or_reason(("line", reader.line_num), _row_of_cells, fields, found)
    except csv.Error as error:
        yield Reason(("line", reader.line_num), "file_invalid", str(error))
    except _Unreadable as error:  # about the columns: nothing can be told of the rest
        yield Reason(("line", reader.line_num), "file_invalid", str(error))


def _fields_of(first: Sequence[str]) -> tuple[Sequence[str], bool]:
    """Return which fields the columns are, and whether the line names them, or is a change itself."""
    if not _names_columns(first):
        return ("action", *_USUAL) if first[0] in _ACTIONS else _USUAL, False
    fields = [_COLUMNS.get(name, "") for name in first]
    if unknown := [name for name in first if name not in _COLUMNS]:
        raise _Unreadable(f"columns are {', '.join(_FIELDS)}; there is {quoted(unknown[0])}")
    if twice := {field for field in fields if fields.count(field) > 1}:
        raise _Unreadable(f"two columns are the {min(twice)}")
    return fields, True


def _row_of_cells(fields: Sequence[str], cells: Sequence[str]) -> ChangeRow:
    if any(cells[len(fields) :]):
        raise _Unreadable(f"there are {len(cells)} cells, and {len(fields)} columns")
    return ChangeRow(**dict(zip(fields, cells, strict=False)))


def _of_json(text: str) -> Iterator[ChangeRow | Reason]:
    """Yield the changes of a list, a batch or a single object; or else of one object on each line."""
    try:
        whole = json.loads(text)
    except RecursionError:
        yield Reason(("line", 1), "file_invalid", "this JSON is nested too deeply")
    except ValueError:
        yield from _of_json_lines(text)
    else:
        if isinstance(whole, dict) and isinstance(whole.get("requests"), list):
            whole = whole["requests"]
        for number, item in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield _row_or_reason(("change", number), _row_of_json, item)


def _of_json_lines(text: str) -> Iterator[ChangeRow | Reason]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                item = json.loads(line)
            except (ValueError, RecursionError):
                yield Reason(("line", number), "file_invalid", "this line is no JSON")
            else:
                yield _row_or_reason(("line", number), _row_of_json, item)


def _row_of_json(item: Any) -> ChangeRow:
    """Return a change that is written flat, or as the API takes it; its context is that of the whole grid."""
    if not isinstance(item, dict):
        raise _Unreadable("a change is an object")
    given = dict(item)
    context = given.pop("context", None)
    if isinstance(context, dict) and context.get("not_before"):
        raise _Unreadable("not_before is a field of all the changes of the grid")
    for each in _NESTED:
        inner = given.pop(each, None) or {}
        if not isinstance(inner, dict):
            raise _Unreadable(f"{each} is an object")
        given |= inner
    cells = {_COLUMNS.get(key.lower(), key): value for key, value in given.items()}
    if unknown := set(cells) - set(_FIELDS):
        raise _Unreadable(f"fields are {', '.join(_FIELDS)}; there is {quoted(min(unknown))}")
    return ChangeRow(**{field: _cell(field, value) for field, value in cells.items()})


def _cell(field: str, value: Any) -> str:
    if isinstance(value, list) and field == "value":
        texts = [_cell("", each) for each in value]
        if any("\n" in each for each in texts):
            raise _Unreadable("a value is one line")
        return "\n".join(texts)
    if value is None:
        return ""
    if field == "manage_ptr" and isinstance(value, bool):
        return flag_in_words(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Unreadable(f"{field or 'a value'} is a text or a whole number")
    return str(value)


def _row_or_reason(loc: tuple[str, int], read: Callable[..., ChangeRow], *given: Any) -> ChangeRow | Reason:
    """Return the row that the line is, or what is wrong with it."""
    try:
        row = read(*given)
        "".join(row).encode()
    except UnicodeEncodeError:
        return Reason(loc, "file_invalid", "it has half of a character")
    except _Unreadable as error:
        return Reason(loc, "file_invalid", str(error))
    action = row.action.strip().lower()
    if action and action not in _ACTIONS:
        words = f"actions are {', '.join(Action)}; there is {quoted(row.action)}"
        return Reason(loc, "file_invalid", words)
    return row._replace(action=action, manage_ptr=flag_in_words(read_flag(row.manage_ptr)))


def _of_master_file(text: str, zone: str | None) -> Iterator[ChangeRow | Reason]:
    if zone is None and (said := _ORIGIN.search(text)):
        zone = said[1]
    if zone is None:
        yield Reason(("zone",), "zone_missing", "say which zone the names of a master file are in")
        return
    found: dict[tuple[str, str], tuple[int, list[str]]] = {}
    try:
        origin = domain_name(zone).removesuffix(".")
        file = MasterFile(text.splitlines(keepends=True), origin, MAX_ROWS * 10, whole=False)
        for record in file.records():
            found.setdefault((record.name, record.type), (record.ttl, []))[1].append(record.rdata)
    except DomainError as error:
        yield Reason(("zone",), error.code, error.message)
    except InvalidInput as error:
        yield from (each._replace(loc=each.loc[1:]) for each in error.reasons)
    else:
        for (name, kind), (ttl, values) in found.items():
            yield ChangeRow(Action.UPSERT.value, name, kind, str(ttl), "\n".join(values))

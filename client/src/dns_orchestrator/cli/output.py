"""What commands print: tables and lines for people, JSON for programs. Colours are for terminals only."""

import codecs
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {
    "succeeded": "green",
    "well": "green",
    "ok": "green",
    "done": "green",
    "as_asked": "green",
    "failed": "red",
    "rejected": "red",
    "faulty": "red",
    "resting": "red",
    "unavailable": "red",
    "refused": "red",
    "otherwise": "red",
    "no_answer": "red",
    "cancelled": "yellow",
    "awaiting_approval": "yellow",
    "scheduled": "cyan",
    "pending": "cyan",
    "running": "cyan",
    "verifying": "cyan",
}

# What JSON may have as it is, and terminals obey: C1, other directions of writing; and what is no character.
_MOVES_CURSOR = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def console(*, errors: bool = False) -> Console:
    """Return where people read. NO_COLOR and pipes are honoured; lines are not broken for a pipe."""
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() else 10_000
    return Console(file=stream, highlight=False, soft_wrap=True, width=width, markup=False, emoji=False)


def printable(value: object) -> str:
    """Return a text without what would move the cursor, colour the terminal or break a line."""
    text = str(value)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def coloured(status: str) -> Text:
    """Return a status in its colour."""
    return Text(printable(status), style=_COLOURS.get(status, ""))


def say(*parts: str | Text) -> None:
    """Print a line, its parts with blanks in between; empty ones are left out."""
    texts = (part if isinstance(part, Text) else Text(printable(part)) for part in parts if part)
    console().print(Text(" ").join(texts))


def note(message: str) -> None:
    """Print a line for people only, to the standard error."""
    console(errors=True).print(Text(printable(message)))


def as_json(value: object) -> Any:
    """Return what JSON is made of: of an answer, the fields that the API has given."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return value


def print_json(value: object) -> None:
    """Print one JSON value: indented on a terminal, else on one line."""
    indent = 2 if sys.stdout.isatty() else None
    is_ascii = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
    text = json.dumps(as_json(value), indent=indent, ensure_ascii=is_ascii)
    sys.stdout.write(_MOVES_CURSOR.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; for a pipe, its cells with tabs in between and without a header, to be cut."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write("\t".join(_cell(cell).plain for cell in row) + "\n")
        return
    cells = [[_cell(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        whole = max((row[number].cell_len for row in cells), default=0) if number == 0 else None
        table.add_column(name, overflow="fold", min_width=whole)  # the first one is what other commands take
    for row in cells:
        table.add_row(*row)
    Console(highlight=False).print(table)


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if value is None or value == "":
        return Text("-", style="dim")
    if isinstance(value, datetime):
        return Text(time_of(value))
    if isinstance(value, list | tuple):
        return Text(printable(", ".join(map(str, value))) or "-")
    text = printable(value)
    return Text(text, style=_COLOURS.get(text, ""))


def time_of(moment: datetime) -> str:
    """Return a time in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")

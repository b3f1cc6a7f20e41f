"""Read changes from files: CSV, JSON lines, JSON, YAML, master files."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from dns_orchestrator.files.entry import Entry, FileInvalid
from dns_orchestrator.files.master_file import read_master_file
from dns_orchestrator.files.objects import read_json, read_json_lines, read_yaml
from dns_orchestrator.files.rrsets import as_rrsets
from dns_orchestrator.files.table import read_csv

Format = Literal["csv", "jsonl", "json", "yaml", "zone"]

FORMATS: tuple[Format, ...] = get_args(Format)
_BY_SUFFIX: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".zone": "zone",
    ".db": "zone",
}
_READERS: dict[Format, Callable[[str], list[Entry]]] = {
    "csv": read_csv,
    "jsonl": read_json_lines,
    "json": read_json,
    "yaml": read_yaml,
}

__all__ = ["FORMATS", "Entry", "FileInvalid", "Format", "format_of", "read_changes"]


def format_of(file: Path) -> Format | None:
    """Return the format that the name of a file stands for; None: it could be any."""
    if file.name.startswith("db."):
        return "zone"
    return _BY_SUFFIX.get(file.suffix.lower())


def read_changes(content: bytes, kind: Format, origin: str | None = None) -> list[Entry]:
    """Return the changes of a file, each with its line. Raises FileInvalid.

    Where values of one RRset stand on several lines, they are one change. `origin` is what names of a master
    file are relative to, until it says so itself.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileInvalid(line, "this is not UTF-8") from error
    entries = read_master_file(text, origin) if kind == "zone" else _READERS[kind](text)
    return as_rrsets(entries)

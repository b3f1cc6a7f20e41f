"""The table of a run, as Markdown and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.faults.matrix.row import Row

_COLUMNS = ("lost", "twice", "failed", "stuck", "differ", "events", "left")
_HEADINGS = (
    "fault",
    "requests",
    "recovered after",
    "lost",
    "twice or out of order",
    "failed",
    "stuck",
    "records that differ",
    "events",
    "left over",
    "",
)


def machine() -> str:
    """Return on what it ran, in words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} processors, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, with a line for each family, and what is wrong below it."""
    passed = sum(row.passed for row in rows)
    lines = [
        f"{passed} of {len(rows)} passed. {datetime.now(UTC):%Y-%m-%d}, {machine()}.",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"|{'---|' * len(_HEADINGS)}",
    ]
    family = ""
    for row in rows:
        if row.faults[0].family != family:
            family = row.faults[0].family
            lines.append(f"| **{family}** |{' |' * (len(_HEADINGS) - 1)}")
        lines.append(f"| {' | '.join(_cells(row))} |")
    for row in rows:
        if not row.passed:
            lines += ["", f"{_title(row)}:", *(f"- {line}" for line in row.verdict.lines(most=20))]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    counts = row.verdict.counts()
    recovery = ", ".join("not" if each is None else f"{each:.1f} s" for each in row.recoveries)
    numbers = [str(len(row.seen.requests)), recovery, *(str(counts[name]) for name in _COLUMNS)]
    return [_title(row), *numbers, "passed" if row.passed else "**failed**"]


def _title(row: Row) -> str:
    return ", ".join(fault.title for fault in row.faults)


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the same as JSON."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": [
            {
                "faults": [fault.name for fault in row.faults],
                "family": row.faults[0].family,
                "requests": len(row.seen.requests),
                "recovery_seconds": [None if each is None else round(each, 2) for each in row.recoveries],
                "seconds": round(row.seconds, 1),
                "phases": {name: round(seconds, 1) for name, seconds in row.phases.items()},
                **row.verdict.counts(),
                "passed": row.passed,
                "problems": row.verdict.lines(most=50),
            }
            for row in rows
        ],
    }


def write(rows: Sequence[Row], folder: Path) -> None:
    """Write faults.md and faults.json."""
    (folder / "faults.md").write_text(markdown(rows))
    (folder / "faults.json").write_text(json.dumps(as_json(rows), indent=2) + "\n")

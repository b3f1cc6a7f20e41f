"""The figures of a run of the benchmarks: tables for people, JSON for programs."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

_PACKAGES = ("ansible-core", "celery", "dnspython", "psycopg", "sqlalchemy")
_STYLES = {True: "[green]met[/]", False: "[bold red]missed[/]", None: ""}


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, and whether it meets its target, where it has one."""

    what: str
    value: float
    unit: str = ""
    target: str = ""
    met: bool | None = None
    other: bool = False  # it belongs to another way to do the same, for comparison


def beside(what: str, value: float, unit: str) -> Figure:
    """Make a figure of another way to do the same."""
    return Figure(what, value, unit, other=True)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one benchmark."""

    title: str
    figures: Sequence[Figure]
    note: str = ""


def at_most(what: str, value: float, limit: float, unit: str = "") -> Figure:
    """Make a figure whose target is at most `limit`."""
    return Figure(what, value, unit, f"at most {_short(limit)}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = "") -> Figure:
    """Make a figure whose target is at least `limit`."""
    return Figure(what, value, unit, f"at least {_short(limit)}", value >= limit)


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and the versions. `load` is the load average before, which shows what else was going on."""

    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    cpus: int = field(default_factory=lambda: os.cpu_count() or 0)
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 1))
    system: str = field(default_factory=lambda: _system())
    python: str = field(default_factory=platform.python_version)
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in _PACKAGES})


def show(console: Console, report: Report) -> None:
    """Print one benchmark's figures."""
    table = Table("", "", "", "target", "", title=report.title, title_justify="left", box=None)
    table.columns[1].justify = "right"
    for figure in report.figures:
        cells = (_short(figure.value), figure.unit, figure.target, _STYLES[figure.met])
        table.add_row(figure.what, *cells)
    console.print(table)
    if report.note:
        console.print(report.note, style="dim", markup=False)
    console.print()


def show_machine(console: Console, machine: Machine) -> None:
    """Print the machine and the versions."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    console.print(
        f"{machine.at} · {machine.cpus} CPUs, load {machine.load} · {machine.system} · "
        f"Python {machine.python} · {versions}\n",
        markup=False,
    )


def as_json(machine: Machine, reports: Sequence[Report]) -> str:
    """Return the machine and all reports as one JSON object."""
    return json.dumps({"machine": asdict(machine), "reports": [asdict(each) for each in reports]}, indent=1)


def _short(number: float) -> str:
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()

"""`python -m benchmarks`: run the benchmarks, and show their figures."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import (
    backlog,
    bad_record,
    batch,
    events,
    growth,
    imports,
    intake,
    kafka,
    latency,
    memory,
    overload,
    parsing,
    permissions,
    sustained,
    traces,
    watcher,
    zones,
)
from benchmarks.report import Machine, Report, as_json, show, show_machine
from benchmarks.rig import Rig, rig
from stack.command import run

ALL: Mapping[str, Callable[[Rig, bool], Report]] = {
    "latency": latency.run,
    "backlog": backlog.run,
    "bad_record": bad_record.run,
    "zones": zones.run,
    "sustained": sustained.run,
    "intake": intake.run,
    "batch": batch.run,
    "parsing": parsing.run,
    "permissions": permissions.run,
    "traces": traces.run,
    "kafka": kafka.run,
    "events": events.run,
    "growth": growth.run,
    "imports": imports.run,
    "memory": memory.run,
    "watcher": watcher.run,
    "overload": overload.run,
}

LONG = ("kafka", "memory", "growth")  # `--quick` leaves them out, unless they are named


def main() -> int:
    """Run the benchmarks that the arguments name; return 1 when a target was missed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ALL, []], metavar="name", help=", ".join(ALL))
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the JSON to a file as well")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json, soft_wrap=True, highlight=False)
    machine = Machine()
    show_machine(console, machine)
    default = [name for name in ALL if not (arguments.quick and name in LONG)]
    reports = _run_all(arguments.names or default, arguments.quick, console)
    results = as_json(machine, reports)
    if arguments.output:
        arguments.output.write_text(results + "\n")
    if arguments.json:
        print(results)
    return int(any(figure.met is False for report in reports for figure in report.figures))


def _run_all(names: Sequence[str], quick: bool, console: Console) -> list[Report]:
    reports = []
    with rig() as measured:
        for name in names:
            reports.append(ALL[name](measured, quick))
            show(console, reports[-1])
    return reports


if __name__ == "__main__":
    run(main)

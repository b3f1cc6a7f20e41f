"""`python -m tests.faults.matrix`: break every part of the system under load, and judge the outcome."""

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from stack.command import run
from stack.paths import STATE
from tests.faults.matrix import network, report
from tests.faults.matrix.faults import Fault, all_faults
from tests.faults.matrix.host_names import own_host_names
from tests.faults.matrix.row import Row, run_row
from tests.faults.matrix.scene import set_scene
from tests.faults.matrix.small_disk import become_private, small_disk
from tests.faults.matrix.system import System


def main() -> int:
    """Run the faults that the arguments name; return the exit status."""
    become_private("tests.faults.matrix")
    network.begin()
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("--only", default="", help="names of faults or families, with commas between them")
    parser.add_argument("--quick", action="store_true", help="those that `make test` has")
    parser.add_argument("--list", action="store_true", help="list them, and run none")
    parser.add_argument("--times", type=int, default=1, help="how often each")
    parser.add_argument("--keep", type=Path, help="a folder for the system's files, which stay there")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    faults = chosen(arguments.only, quick=arguments.quick)
    if arguments.list:
        for fault in faults:
            say(f"{fault.family:12} {fault.name}")
        return 0
    faults = [fault for fault in possible_of(faults) for _ in range(arguments.times)]
    with TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        rows = run_all(faults, arguments.keep or Path(folder))
    return 0 if all(row.passed for row in rows) else 1


def chosen(only: str, *, quick: bool) -> Sequence[Fault]:
    """Return the faults by name or family; all unless some are named. Raises SystemExit."""
    names = [name for name in only.split(",") if name]
    known = {word for fault in all_faults() for word in (fault.name, fault.family)}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no fault and no family is called {', '.join(unknown)}; --list shows them")
    return [
        fault
        for fault in all_faults()
        if (not names or {fault.name, fault.family} & set(names)) and (fault.quick or not quick)
    ]


def possible_of(faults: Sequence[Fault]) -> Sequence[Fault]:
    """Return the faults that this machine can have. Raises SystemExit for the others where CI=true."""
    impossible = [fault.title for fault in faults if not fault.possible()]
    if not impossible:
        return faults
    left_out = f"this machine can't have {', '.join(impossible)}"
    if os.environ.get("CI") == "true":
        sys.exit(f"{left_out}: they want root, and `ip` of iproute2")
    say(f"Left out, since {left_out}")
    return [fault for fault in faults if fault.possible()]


def run_all(faults: Sequence[Fault], folder: Path) -> list[Row]:
    """Run the faults, one after the other; write the table after each."""
    say("Starting the system …")
    rows: list[Row] = []
    STATE.mkdir(exist_ok=True)
    kinds = [[each for each in faults if each.upgrades], [each for each in faults if not each.upgrades]]
    for number, kind in enumerate(filter(None, kinds)):
        home = folder / str(number)
        make = System.to_be_upgraded if kind[0].upgrades else System
        with small_disk(home / "postgres"), own_host_names(home), make(home) as system:
            for fault in kind:
                say(f"{time.strftime('%H:%M:%S')} [{len(rows) + 1}/{len(faults)}] {fault.title}", end=" … ")
                rows.append(run_one(system, fault, f"r{len(rows)}"))
                report.write(rows, STATE)
    say(f"\n{report.markdown(rows)}\n{STATE / 'faults.md'}, {STATE / 'faults.json'}")
    return rows


def run_one(system: System, fault: Fault, name: str) -> Row:
    """Run a fault, and say what became of it."""
    seed = secrets.token_hex(4)
    row = run_row(set_scene(system, name, fault.backend), [fault], seed)
    [recovery] = row.recoveries
    recovered = "not recovered" if recovery is None else f"recovered in {recovery:.1f} s"
    verdict = "passed" if row.passed else f"FAILED (seed {seed})"
    say(f"{verdict}, {len(row.seen.requests)} requests, {recovered}, {row.seconds:.0f} s")
    for line in row.verdict.lines():
        say(f"    {line}")
    return row


def say(text: str, end: str = "\n") -> None:
    """Show how far it is."""
    print(text, end=end, flush=True)  # noqa: T201


if __name__ == "__main__":
    run(main)

"""Resident memory of the worker and its fork server, before and after many runs."""

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Rig, addresses

_AT_ONCE = 20  # zones, with one run in each
_SERVER = "ansible fork server"


def run(rig: Rig, quick: bool) -> Report:
    """Runs of one request each, in a worker that has just been started and warmed up."""
    rounds = 2 if quick else 50
    rig.restart_worker()
    zones = [rig.new_zone() for _ in range(_AT_ONCE)]
    before = _memory_when_idle(rig)
    for _ in range(rounds):
        rig.time_to_settle(zones, [resource for zone in zones for resource in addresses(zone, 1)])
    after = _memory_when_idle(rig)
    runs = rounds * _AT_ONCE
    return Report(
        f"Memory before and after {runs:,} runs",
        [
            Figure("worker, three processes, before", before[0], "MB"),
            Figure("worker, three processes, after", after[0], "MB"),
            Figure("fork server and the next run's fork, before", before[1], "MB"),
            Figure("fork server and the next run's fork, after", after[1], "MB"),
            at_most("worker, after / before", after[0] / before[0], 1.2),
            at_most("fork server, after / before", after[1] / before[1], 1.1),
        ],
        "Proportional set size: pages that processes share are counted once.",
    )


def _memory_when_idle(rig: Rig) -> tuple[float, float]:
    """Return the memory, in MB, of the worker and of the fork server, once it has forked for the next run."""
    time.sleep(1)
    return _worker(rig), _server(rig)


def _worker(rig: Rig) -> float:
    process = psutil.Process(rig.stack.pid("worker"))
    return _megabytes([process, *process.children(recursive=True)])


def _server(rig: Rig) -> float:
    found = [process for process in psutil.process_iter() if _is_server(process, rig)]
    assert found, "there is no fork server"
    return _megabytes(found)


def _is_server(process: psutil.Process, rig: Rig) -> bool:
    with suppress(psutil.Error):
        title = " ".join(process.cmdline())
        return title.startswith(_SERVER) and str(rig.folder) in process.environ().get("TMPDIR", "")
    return False


def _megabytes(processes: Iterable[psutil.Process]) -> float:
    return float(sum(process.memory_full_info().pss for process in processes)) / 1e6

"""From accepted to recorded at full load, beside the usual way with its task for each request."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.peers.usual import usual
from benchmarks.report import Figure, Report, at_least
from benchmarks.rig import Rig, addresses

_ZONES = 4
_PER_CALL = 500
_CLIENTS = 2


def run(rig: Rig, quick: bool) -> Report:
    """Ours from the first POST on, in batches of 500; of the usual way only the worker is measured."""
    number, few, rounds = (4_000, 500, 1) if quick else (10_000, 1_000, 2)
    rates = [(_ours(rig, number), usual(rig, few)) for _ in range(rounds)]
    ours, others = (median(each) for each in zip(*rates, strict=True))
    return Report(
        f"At full load ({number:,} requests in {_ZONES} zones, median of {rounds})",
        [
            Figure("accepted, applied by Ansible, verified, recorded", ours, "/s"),
            Figure("a task for each request, which only sets its status", others, "/s"),
            at_least("ours / the usual way", ours / others, 1),
        ],
    )


def _ours(rig: Rig, number: int) -> float:
    zones = [rig.new_zone() for _ in range(_ZONES)]
    resources = [resource for zone in zones for resource in addresses(zone, number // _ZONES)]
    calls = [resources[start : start + _PER_CALL] for start in range(0, number, _PER_CALL)]
    began = time.perf_counter()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(rig.ask_for, calls))
    rig.wait(zones)
    taken = time.perf_counter() - began
    assert rig.count(zones, "succeeded") == rig.recorded(zones) == number
    return number / taken

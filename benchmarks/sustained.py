"""From accepted to recorded at full load, beside the usual way: a Celery task for each request."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.peers.usual import usual
from benchmarks.report import Figure, Report, at_least, beside
from benchmarks.rig import Rig, addresses

MANY = 50  # zones
_PER_CALL = 500
_CLIENTS = 2


def run(rig: Rig, quick: bool) -> Report:
    """Measure from the first POST on, in batches of 500. Of the usual way only the worker is measured."""
    number, few, rounds = (2_000, 200, 1) if quick else (10_000, 1_000, 2)
    zones = 20 if quick else MANY
    rates = [(_ours(rig, number, 1), _ours(rig, number, zones), usual(rig, few)) for _ in range(rounds)]
    one, many, others = (median(each) for each in zip(*rates, strict=True))
    return Report(
        f"Accepted, applied by Ansible, verified, recorded: {number:,} requests (median of {rounds})",
        [
            Figure("in one zone", one, "/s"),
            Figure(f"in {zones} zones", many, "/s"),
            beside("the usual way: a task for each request, which only sets its status", others, "/s"),
            at_least("one zone / the usual way", one / others, 15),
            Figure(f"{zones} zones / the usual way", many / others),
        ],
    )


def _ours(rig: Rig, number: int, into: int) -> float:
    zones = [rig.new_zone() for _ in range(into)]
    each = [addresses(zone, number // into) for zone in zones]
    resources = [resource for alike in zip(*each, strict=True) for resource in alike]
    calls = [resources[start : start + _PER_CALL] for start in range(0, number, _PER_CALL)]
    began = time.perf_counter()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(rig.submit, calls))
    rig.wait_until_settled(zones)
    taken = time.perf_counter() - began
    assert rig.count_requests(zones, "succeeded") == rig.count_records(zones) == number
    return number / taken

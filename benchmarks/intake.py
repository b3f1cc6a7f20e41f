"""One request in each call over HTTP: how many are accepted in a second, and how long does a call take?"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import psutil

from benchmarks.door import NO_DATABASE, OURS, USUAL, ZONE, Door, door, guard
from benchmarks.load import LoadResult, Workload, load
from benchmarks.processor_time import processor_time
from benchmarks.report import Figure, Report, at_least, at_most, beside
from benchmarks.rig import Rig, addresses

_TARGET_CONNECTIONS = 32  # for which the targets are
_NAMES = 5_000  # different owner names
_WAYS = {"ours": OURS, "guarded": OURS, "nothing behind": NO_DATABASE, "usual": USUAL}
_SETTINGS = {"guarded": {"AUTH": "required"}}
_PATH, _PATHS = "/api/v1/dns/create", {"usual": "/dns/create"}
_ACCOUNT = "benchmark"
_GRANTS = 1_000

Loads = Mapping[str, LoadResult]


@dataclass(frozen=True, slots=True)
class Cost:
    """The processor time of a call, in milliseconds: the median of several turns."""

    api: float
    postgres: float


def run(rig: Rig, quick: bool) -> Report:
    """The API, its routes and validation with nothing behind them, and the usual way, in turns."""
    rounds = {_TARGET_CONNECTIONS: 1} if quick else {1: 1, 8: 1, _TARGET_CONNECTIONS: 4, 128: 1}
    with ExitStack() as open_doors:
        doors = {
            name: open_doors.enter_context(door(rig, app, **_SETTINGS.get(name, {})))
            for name, app in _WAYS.items()
        }
        token = guard(doors["guarded"], _ACCOUNT, _GRANTS)
        found = {number: _measure(doors, token, number, times, quick) for number, times in rounds.items()}
        cost = _cost(rig, doors["ours"], 2 if quick else 12)
        memory = doors["ours"].memory
    figures = [figure for number, loads in found.items() for figure in _figures(number, loads)]
    return Report(
        "Requests accepted over HTTP, one in each call, by one API process",
        [
            *figures,
            *_ratios(found[_TARGET_CONNECTIONS]),
            Figure(f"a call's processor time, {_TARGET_CONNECTIONS} connections: the API's", cost.api, "ms"),
            Figure("PostgreSQL's", cost.postgres, "ms"),
            Figure("the API's resident memory after it", memory, "MB"),
            Figure("the load generator, of one processor", 100 * found[_TARGET_CONNECTIONS]["ours"].cpu, "%"),
        ],
        "Each answer comes after its commit. The usual way: a commit and `delay()` for each; no workers.",
    )


def _measure(doors: Mapping[str, Door], token: str, connections: int, rounds: int, quick: bool) -> Loads:
    seconds = 1.0 if quick else 2.0
    loads: dict[str, list[LoadResult]] = {name: [] for name in doors}
    for _ in range(rounds):
        for name, api in doors.items():
            headers = {"Authorization": f"Bearer {token}"} if name == "guarded" else {}
            path = _PATHS.get(name, _PATH)
            loads[name].append(load(Workload(api.port, path, _bodies(), connections, seconds, headers)))
    return {name: _median(each) for name, each in loads.items()}


def _cost(rig: Rig, api: Door, turns: int) -> Cost:
    """Measure in short turns: what else the machine does makes a processor slower in some of them."""
    pid = rig.stack.pid("postgres")
    assert pid is not None
    processes = (api.process, psutil.Process(pid))
    costs: list[list[float]] = []
    for _ in range(turns):
        before = [*map(processor_time, processes)]
        calls = load(Workload(api.port, _PATH, _bodies(), _TARGET_CONNECTIONS, 0.5)).calls
        costs.append(
            [1000 * (processor_time(each) - old) / calls for each, old in zip(processes, before, strict=True)]
        )
    return Cost(*map(median, zip(*costs, strict=True)))


def _median(loads: list[LoadResult]) -> LoadResult:
    assert not any(each.others for each in loads), "an answer was not 202"
    return LoadResult(
        rate=median(each.rate for each in loads),
        p50=median(each.p50 for each in loads),
        p99=median(each.p99 for each in loads),
        others=0,
        rude=0,
        calls=sum(each.calls for each in loads),
        cpu=median(each.cpu for each in loads),
    )


def _bodies() -> list[str]:
    return [
        json.dumps({"context": {"account_id": _ACCOUNT}, "resource": resource})
        for resource in addresses(ZONE, _NAMES)
    ]


def _figures(connections: int, loads: Loads) -> list[Figure]:
    at = f"{connections} connection{'s' if connections > 1 else ''}"
    ours, guarded, nothing, usual = (loads[name] for name in _WAYS)
    return [
        Figure(at, ours.rate, "/s"),
        Figure(f"{at}, AUTH=required", guarded.rate, "/s"),
        beside(f"{at}, nothing behind the route", nothing.rate, "/s"),
        beside(f"{at}, the usual way", usual.rate, "/s"),
        Figure(f"{at}, p50", 1000 * ours.p50, "ms"),
        Figure(f"{at}, p99", 1000 * ours.p99, "ms"),
        beside(f"{at}, p50 of the usual way", 1000 * usual.p50, "ms"),
        beside(f"{at}, p99 of the usual way", 1000 * usual.p99, "ms"),
    ]


def _ratios(loads: Loads) -> list[Figure]:
    ours, guarded, nothing, usual = (loads[name] for name in _WAYS)
    return [
        at_least(
            f"AUTH=required, {_GRANTS:,} grants / off, {_TARGET_CONNECTIONS} connections",
            guarded.rate / ours.rate,
            0.9,
        ),
        at_least(f"ours / the usual way, {_TARGET_CONNECTIONS} connections", ours.rate / usual.rate, 12),
        at_most("the same, p99", ours.p99 / usual.p99, 1 / 3),
        at_least(
            f"ours / nothing behind the route, {_TARGET_CONNECTIONS} connections",
            ours.rate / nothing.rate,
            0.7,
        ),
    ]

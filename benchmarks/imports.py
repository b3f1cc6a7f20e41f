"""Zones of many RRsets: imported from BIND, imported again, and exported."""

import time
from collections.abc import Callable
from typing import Any

import psutil

from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Rig
from stack.nameserver import empty_zone

_LIMIT = 30.0  # seconds: the target for 100,000 RRsets
_GROWTH = 100.0  # MB: the target for the worker, whatever the size of the zone
_PAUSE = 0.1  # seconds
_TIMEOUT = 900.0  # seconds


def run(rig: Rig, quick: bool) -> Report:
    """A name has an address; each tenth one has a text, too."""
    sizes = (10_000, 100_000) if quick else (100_000, 1_000_000)
    return Report(
        "Imports and exports of zones",
        [figure for size in sizes for figure in _figures(rig, size)],
        "From the call until the import is done; memory is that of the worker's main process, which imports.",
    )


def _figures(rig: Rig, size: int) -> list[Figure]:
    zone = _fill(rig, size)
    seconds, growth = _import(rig, zone)
    again, _ = _import(rig, zone)
    exported = _timed(lambda: rig.api.get(f"/zones/{zone}/export").raise_for_status())
    what = f"{size:,} RRsets"
    target = _LIMIT * max(size, 100_000) / 100_000
    return [
        at_most(f"{what}: import", seconds, target, "s"),
        at_most(f"{what}: the worker grows by", growth, _GROWTH, "MB"),
        Figure(f"{what}: import again", again, "s"),
        Figure(f"{what}: export", exported, "s"),
    ]


def _fill(rig: Rig, size: int) -> str:
    """Let BIND serve a zone of so many RRsets, and return its name."""
    zone = f"import-{size}.test"
    with (rig.stack.data("bind") / "zones" / zone).open("w") as file:
        file.write(empty_zone(zone))
        for number in range(1, size):  # one is the NS
            host, kind = divmod(number, 11)
            if kind:
                file.write(f"h{host}-{kind} A 10.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}\n")
            else:
                file.write(f'h{host}-1 TXT "host {host}"\n')
    rig.stack.add_zone(zone)
    body = {"name": zone, "backend": "bind"}
    rig.api.post("/zones", json=body, params={"check": "false"}).raise_for_status()
    return zone


def _import(rig: Rig, zone: str) -> tuple[float, float]:
    """Import the zone; return the seconds, and by how many MB the worker has grown at most."""
    worker = psutil.Process(rig.stack.pid("worker"))
    before = peak = worker.memory_info().rss
    began = time.perf_counter()
    rig.api.post(f"/zones/{zone}/import").raise_for_status()
    while (found := _state(rig, zone))["state"] in ("wanted", "running"):
        assert time.perf_counter() - began < _TIMEOUT, found
        peak = max(peak, worker.memory_info().rss)
        time.sleep(_PAUSE)
    assert found["state"] == "done", found
    return time.perf_counter() - began, (peak - before) / 1e6


def _state(rig: Rig, zone: str) -> dict[str, Any]:
    answer: dict[str, Any] = rig.api.get(f"/zones/{zone}/import").raise_for_status().json()
    return answer


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began

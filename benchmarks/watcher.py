"""The watcher: what thousands of quiet zones cost it, and when it shows what was changed beside us."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.peers.nsupdate import nsupdate
from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Rig, addresses
from stack.bind import Bind
from stack.inventory import write_backend
from stack.nameserver import empty_zone
from stack.paths import PACKAGES
from stack.ports import HOST, Ports, is_free

INTERVAL = 5.0  # seconds: WATCH_INTERVAL, unless it is set
_BACKEND = "quiet"
_OPTIONS = """\
options {{
    directory "{home}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
}};
"""
_TIMEOUT = 120.0  # seconds


def run(rig: Rig, quick: bool) -> Report:
    """10,000 zones of which none changes, beside none at all; and changes beside us in one that is known."""
    number, rounds = (1_000, 3) if quick else (10_000, 8)
    before = _share_of_core(rig, rounds)
    with _quiet_server(rig, number) as zones:
        _register(rig, zones)
        _wait_until_seen(rig, number)
        [(began,)] = rig.query("SELECT clock_timestamp()")
        share = _share_of_core(rig, rounds)
        writes = _writes_since(rig, began)
        _forget(rig)
    shown = sorted(_seconds_until_shown(rig) for _ in range(2 if quick else 5))
    return Report(
        f"Watching {number:,} quiet zones, every {INTERVAL:g} s",
        [
            at_most("a core's time, in percent", 100 * (share - before), 5, "%"),
            Figure("the processor's time for a round", 1_000 * (share - before) * INTERVAL, "ms"),
            at_most("rows of zones written meanwhile", writes, 0),
            Figure("a change beside us is shown as drift after (median)", median(shown), "s"),
            at_most("after, at most", shown[-1], 2 * INTERVAL, "s"),
        ],
        "The worker's process as a whole, less what it takes without these zones.",
    )


@contextmanager
def _quiet_server(rig: Rig, number: int) -> Iterator[list[str]]:
    """Run a BIND with so many zones, which a backend of the inventory names."""
    home, ports = rig.folder / _BACKEND, Ports.free()
    home.mkdir()
    zones = [f"q{index}.quiet.test" for index in range(number)]
    (home / "zone").write_text(empty_zone("@").replace("$ORIGIN @.\n", ""))
    text = _OPTIONS.format(home=home, port=ports.dns, host=HOST)
    text += "".join(f'zone "{zone}" {{ type primary; file "zone"; }};\n' for zone in zones)
    (home / "named.conf").write_text(text)
    bind = Bind(home, ports.dns, ports.rndc, PACKAGES)
    command = [bind.command()[0], "-f", "-n", "1", "-c", home / "named.conf"]
    with subprocess.Popen(command, env=bind.environment(), stderr=subprocess.DEVNULL) as named:
        try:
            _wait(lambda: not is_free(ports.dns))
            write_backend(Path(rig.stack.env["INVENTORY"]), _BACKEND, HOST, ports.dns)
            yield zones
        finally:
            named.terminate()


def _register(rig: Rig, zones: list[str]) -> None:
    rig.query("INSERT INTO dns_zones (name, backend) SELECT unnest(%s::text[]), 'quiet' RETURNING 1", zones)


def _forget(rig: Rig) -> None:
    rig.query("DELETE FROM dns_zones WHERE backend = 'quiet' RETURNING 1")
    rig.query("DELETE FROM dns_zone_states WHERE zone LIKE '%%.quiet.test' RETURNING 1")
    (Path(rig.stack.env["INVENTORY"]) / f"{_BACKEND}.yml").unlink()


def _wait_until_seen(rig: Rig, number: int) -> None:
    seen = "SELECT count(*) FROM dns_zone_states WHERE zone LIKE '%%.quiet.test' AND servers IS NOT NULL"
    _wait(lambda: rig.query(seen)[0][0] == number)


def _writes_since(rig: Rig, began: object) -> int:
    return int(rig.query("SELECT count(*) FROM dns_zone_states WHERE checked_at > %s", began)[0][0])


def _share_of_core(rig: Rig, rounds: int) -> float:
    """Return which part of a core the worker's process takes while nothing is asked of it."""
    began, used = time.perf_counter(), _processor_seconds(rig)
    time.sleep(rounds * INTERVAL)
    return (_processor_seconds(rig) - used) / (time.perf_counter() - began)


def _processor_seconds(rig: Rig) -> float:
    fields = Path(f"/proc/{rig.stack.pid('worker')}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime


def _seconds_until_shown(rig: Rig) -> float:
    zone = rig.new_zone()
    rig.api.post(f"/zones/{zone}/import").raise_for_status()
    _wait(lambda: rig.api.get(f"/zones/{zone}/import").json()["imported_at"])
    began = time.perf_counter()
    nsupdate(rig, zone, addresses(zone, 1))
    _wait(lambda: rig.api.get(f"/zones/{zone}/drift").json()["items"])
    return time.perf_counter() - began


def _wait(look: Callable[[], object]) -> None:
    until = time.monotonic() + _TIMEOUT
    while not look():
        assert time.monotonic() < until, f"not within {_TIMEOUT:g} s"
        time.sleep(0.02)

"""Clocks that are set by an hour: nobody waits for so long, and nothing is done twice."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from tests.faults.matrix.clock import HOUR, Clock, clocks_can_be_set
from tests.faults.matrix.faults import fault
from tests.faults.matrix.leftovers import zones_of_runs
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.stages import wait_for_a_run_at_a_gate
from tests.faults.matrix.system import WORKERS
from tests.support.eventually import eventually

_LAST = "SELECT max(seq) FROM dns_requests WHERE zone = ANY(%s)"
_OPEN = "SELECT FROM dns_requests WHERE zone = ANY(%s) AND seq <= %s AND finished_at IS NULL"
_LONG_LEASE = 15.0  # seconds: a third of it passes between two signs of life
_WITHIN = 50.0  # seconds after which all is settled that was open when the clock was set: less than a minute


@fault(lasts=3, possible=clocks_can_be_set)
def database_clock_set_forward(scene: Scene) -> Iterator[None]:
    """Then back to the right time."""
    with _database_with_a_clock(scene) as clock:
        clock.set(HOUR)
        yield
        _set_and_wait(scene, clock, 0)


@fault(lasts=3, possible=clocks_can_be_set)
def database_clock_set_back(scene: Scene) -> Iterator[None]:
    """Then forward to the right time."""
    with _database_with_a_clock(scene) as clock:
        _set_and_wait(scene, clock, -HOUR)
        yield
        _set_and_wait(scene, clock, 0)


@fault(lasts=0, possible=clocks_can_be_set)
def database_clock_set_forward_in_a_run(scene: Scene) -> Iterator[None]:
    """Leases seem to be over, and their holders are alive: nobody else begins before those have ended."""
    with _database_with_a_clock(scene) as clock:
        with _gate_of_one_worker(scene):
            wait_for_a_run_at_a_gate(scene, "worker-1")
            assert zones_of_runs(scene.system, "worker-1")
            clock.set(HOUR)
            scene.note(set(_runs_side_by_side(scene, _LONG_LEASE / 3)))
        yield
        _set_and_wait(scene, clock, 0)


@fault(lasts=4, possible=clocks_can_be_set)
def worker_clock_set_forward(scene: Scene) -> Iterator[None]:
    """Of one of two, which the DNS servers refuse then: its signatures have the wrong time."""
    with _worker_with_a_clock(scene) as clock:
        clock.set(HOUR)
        yield


@fault(lasts=4, possible=clocks_can_be_set)
def worker_clock_set_back(scene: Scene) -> Iterator[None]:
    """Of one of two."""
    with _worker_with_a_clock(scene) as clock:
        clock.set(-HOUR)
        yield


@contextmanager
def _database_with_a_clock(scene: Scene) -> Iterator[Clock]:
    system, database = scene.system, scene.system.servers.postgres
    clock = Clock(system.directory / "clock")
    system.stop("postgres")
    database.more_environment.update(clock.environment)
    system.start("postgres")
    try:
        yield clock
    finally:
        database.more_environment.clear()
        system.stop("postgres")
        system.start("postgres")


@contextmanager
def _worker_with_a_clock(scene: Scene) -> Iterator[Clock]:
    """Run worker-1 and its runs with a clock of their own, which is right after the block."""
    system = scene.system
    system.stop("worker-1")
    clock = Clock(system.directory / "clock-of-worker")
    passed = ",".join((system.env["RUN_ENVIRONMENT"], *clock.environment))
    system.start("worker-1", RUN_ENVIRONMENT=passed, **clock.environment)
    yield clock
    clock.set(0)


@contextmanager
def _gate_of_one_worker(scene: Scene) -> Iterator[None]:
    """Let the runs of worker-1 wait before they send, for the block, and those of others go on."""
    system = scene.system
    gates = system.directory / "gates-of-one"
    gates.mkdir(exist_ok=True)
    (gates / "before-sent").touch()
    _restart_workers(scene, {"worker-1": {"FAULT_GATES": str(gates)}}, LEASE=str(_LONG_LEASE))
    yield
    (gates / "before-sent").unlink()
    scene.system.stop_together(WORKERS)
    scene.system.start_together(WORKERS)


def _restart_workers(scene: Scene, own: Mapping[str, Mapping[str, str]], **settings: str) -> None:
    scene.system.stop_together(WORKERS)
    for worker in reversed(WORKERS):  # the second one has looked at the clock when the first one has a run
        scene.system.start(worker, **settings, **own.get(worker, {}))


def _runs_side_by_side(scene: Scene, seconds: float) -> Iterator[str]:
    """Yield, for so long, the zones that have two runs at the same time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        runs = {found for worker in WORKERS for found in zones_of_runs(scene.system, worker)}
        zones = Counter(zone for zone, _ in runs)
        yield from (f"{zone} has {number} runs at once" for zone, number in zones.items() if number > 1)
        time.sleep(0.05)


def _set_and_wait(scene: Scene, clock: Clock, seconds: int) -> None:
    """Set the clock, and wait until all is settled that was open then."""
    clock.set(seconds)
    with scene.system.connect() as connection:
        row = connection.execute(_LAST, [list(scene.zones)]).fetchone()
    assert row is not None
    eventually(partial(_all_settled, scene, row[0]), limit=_WITHIN)


def _all_settled(scene: Scene, last: int) -> bool:
    with scene.system.connect() as connection:
        return connection.execute(_OPEN, [list(scene.zones), last]).rowcount == 0

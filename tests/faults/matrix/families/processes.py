"""Processes of the app that are killed, stopped or frozen, whatever they are just doing."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import psutil

from tests.faults.matrix.faults import fault
from tests.faults.matrix.leftovers import command_of, fork_servers_of, runs_of
from tests.faults.matrix.orphans import kill_each
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.stages import (
    wait_for_a_run_at_a_gate,
    wait_for_a_settlement,
    wait_for_a_verification,
)
from tests.faults.matrix.system import APIS, APP, LEASE, WORKERS

_LEFT = LEASE * 2 / 3  # seconds that a lease has left at least, which is renewed each third of it


@fault(lasts=1, quick=True)
def worker_killed(scene: Scene) -> Iterator[None]:
    """The main process of one of two, by kill -9; its pool finds out."""
    scene.system.kill("worker-1")
    yield
    scene.system.start("worker-1")


@fault(lasts=1)
def all_workers_killed(scene: Scene) -> Iterator[None]:
    """With all that they have started, as containers end."""
    for worker in WORKERS:
        scene.system.kill_all(worker)
    yield
    scene.system.start_together(WORKERS)


@fault(lasts=0)
def worker_stopped(scene: Scene) -> Iterator[None]:
    """By SIGTERM, and started again."""
    scene.system.stop("worker-1")
    yield
    scene.system.start("worker-1")


@fault(lasts=1)
def pool_process_killed(scene: Scene) -> Iterator[None]:
    """While it has a run; Celery starts another one."""
    with scene.system.gate("before-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        kill_each(psutil.Process(scene.system.pid("worker-1")).children())
    yield


@fault(lasts=1)
def fork_server_killed(scene: Scene) -> Iterator[None]:
    """The runs that it has started go on; the next one starts another server."""
    servers = fork_servers_of(scene.system, "worker-1")
    assert servers
    kill_each(servers)
    yield


@fault(lasts=1)
def run_killed_before_it_sends(scene: Scene) -> Iterator[None]:
    """All processes of the worker's runs."""
    with scene.system.gate("before-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        kill_each(_runs(scene))
    yield


@fault(lasts=1)
def run_killed_after_it_has_sent(scene: Scene) -> Iterator[None]:
    """All processes of the worker's runs: nobody gets their results."""
    with scene.system.gate("after-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        kill_each(_runs(scene))
    yield


@fault(lasts=0)
def worker_killed_before_its_run_sends(scene: Scene) -> Iterator[None]:
    """The main process and the pool, by kill -9: Ansible has to go with them."""
    with scene.system.gate("before-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        _kill_without_its_runs(scene, "worker-1")
    yield
    scene.system.start("worker-1")


@fault(lasts=0)
def worker_killed_after_its_run_has_sent(scene: Scene) -> Iterator[None]:
    """The main process and the pool, by kill -9."""
    with scene.system.gate("after-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        _kill_without_its_runs(scene, "worker-1")
    yield
    scene.system.start("worker-1")


@fault(lasts=0)
def worker_killed_while_it_verifies(scene: Scene) -> Iterator[None]:
    """The secondary is silent, so that it takes some time."""
    with scene.system.frozen(scene.system.descendants("secondary")):
        wait_for_a_verification(scene, "worker-1")
        scene.system.kill_all("worker-1")
    yield
    scene.system.start("worker-1")


@fault(lasts=0)
def workers_killed_while_they_settle(scene: Scene) -> Iterator[None]:
    """All of them; a lock keeps them in the middle of it."""
    with scene.system.connect() as connection:
        connection.execute("LOCK TABLE dns_records IN SHARE ROW EXCLUSIVE MODE")
        wait_for_a_settlement(scene)
        for worker in WORKERS:
            scene.system.kill_all(worker)
    yield
    scene.system.start_together(WORKERS)


@fault(lasts=3)
def worker_frozen_past_its_lease(scene: Scene) -> Iterator[None]:
    """Its pool with it; then it goes on. Its Ansible has to be gone before the lease is over."""
    with scene.system.gate("before-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        assert _runs(scene)
        stack = ExitStack()
        stack.enter_context(scene.system.frozen(scene.system.descendants("worker-1")))
        time.sleep(LEASE)
        scene.note(f"still there: {command_of(each)}" for each in runs_of(scene.system, "worker-1"))
    with stack:
        yield


@fault(lasts=1)
def api_killed(scene: Scene) -> Iterator[None]:
    """One of two, by kill -9."""
    scene.system.kill("api-1")
    yield
    scene.system.start("api-1")


@fault(lasts=0)
def api_stopped(scene: Scene) -> Iterator[None]:
    """One of two, by SIGTERM, and started again."""
    scene.system.stop("api-1")
    yield
    scene.system.start("api-1")


@fault(lasts=8)
def api_frozen(scene: Scene) -> Iterator[None]:
    """One of two: clients wait for it until they have enough, and ask the other one with the same key."""
    with scene.system.frozen(scene.system.descendants("api-1")):
        yield


@fault(lasts=1)
def both_apis_killed(scene: Scene) -> Iterator[None]:
    """Nobody is there who would answer."""
    for api in APIS:
        scene.system.kill(api)
    yield
    scene.system.start_together(APIS)


@fault(lasts=1)
def consumer_killed(scene: Scene) -> Iterator[None]:
    """One of two, by kill -9: what it had in hand comes again."""
    scene.system.kill("consumer-1")
    yield
    scene.system.start("consumer-1")


@fault(lasts=0)
def consumer_stopped(scene: Scene) -> Iterator[None]:
    """One of two, by SIGTERM, and started again."""
    scene.system.stop("consumer-1")
    yield
    scene.system.start("consumer-1")


@fault(lasts=9)
def consumer_frozen(scene: Scene) -> Iterator[None]:
    """One of two, until the other one has its partitions; then it goes on with what it had in hand."""
    with scene.system.frozen(scene.system.descendants("consumer-1")):
        yield


@fault(lasts=1)
def everything_of_the_app_killed(scene: Scene) -> Iterator[None]:
    """All at once, as in a power cut of the hosts of the app."""
    system = scene.system
    for name in APP:
        system.kill_all(name)
    yield
    system.start_together(APP)


def _runs(scene: Scene) -> Sequence[psutil.Process]:
    """Return the processes of the first worker's runs, of which there is one at least."""
    found = runs_of(scene.system, "worker-1")
    assert found, "the worker has no run"
    return found


def _kill_without_its_runs(scene: Scene, worker: str) -> None:
    """Kill the main process and the pool. Their runs have to end by themselves, before a lease is over."""
    assert _runs(scene)
    processes = scene.system.descendants(worker)
    scene.system.kill(worker)
    kill_each(processes[1:])
    until = time.monotonic() + _LEFT
    while (left := runs_of(scene.system, worker)) and time.monotonic() < until:
        time.sleep(0.05)
    scene.note(f"still there: {command_of(each)}" for each in left)

"""Two faults at once, where one is likely to bring the other, or to meet it."""

import shutil
from collections.abc import Iterator

from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.stages import wait_for_a_run_at_a_gate
from tests.faults.matrix.system import APIS, APP, CONSUMERS, WORKERS


@fault()
def postgres_and_a_worker_killed_after_its_run_has_sent(scene: Scene) -> Iterator[None]:
    """Both on one host: what has become of the run stands nowhere."""
    system = scene.system
    with system.gate("after-sent"):
        wait_for_a_run_at_a_gate(scene, "worker-1")
        system.kill("postgres")
        system.kill_all("worker-1")
    yield
    system.start_together(("postgres", "worker-1"))


@fault()
def redis_with_its_data_and_all_workers_killed(scene: Scene) -> Iterator[None]:
    """Both on one host: nobody remembers which zones were kicked."""
    system = scene.system
    for name in ("valkey", *WORKERS):
        system.kill(name)
    shutil.rmtree(system.directory / "valkey")
    yield
    system.start_together(("valkey", *WORKERS))


@fault()
def apis_and_consumers_killed_in_turn(scene: Scene) -> Iterator[None]:
    """As by a rollout that goes wrong."""
    for api, consumer in zip(APIS, CONSUMERS, strict=True):
        scene.system.kill(api)
        scene.system.kill(consumer)
        scene.system.start(api)
        scene.system.start(consumer)
    yield


@fault()
def primary_killed_while_postgres_is_frozen(scene: Scene) -> Iterator[None]:
    """A run finds nobody, and nobody can be told of it."""
    system = scene.system
    with system.frozen(system.descendants("postgres")):
        system.kill("bind")
        yield
    system.start("bind")


@fault(lasts=1)
def power_cut(scene: Scene) -> Iterator[None]:
    """Everything at once; Redis has nothing of its data when it is back."""
    system = scene.system
    servers = ("postgres", "valkey", "kafka", "bind", "secondary")
    for name in APP:
        system.kill_all(name)
    for name in servers:
        system.kill(name)
    shutil.rmtree(system.directory / "valkey")
    yield
    system.start_together((*servers, *APP))

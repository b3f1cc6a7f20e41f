"""The other DNS server. What the primary has taken is recorded, and verified until both servers have it."""

from collections.abc import Iterator

from tests.faults.matrix import host_names
from tests.faults.matrix.faults import fault
from tests.faults.matrix.misconfigured import catch_up, without_transfers
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import FRONTED
from tests.faults.matrix.stages import wait_for_a_late_verification

_DELAY = 0.3  # seconds in each direction


@fault()
def secondary_lags(scene: Scene) -> Iterator[None]:
    """Its primary lets nobody transfer the zones."""
    with without_transfers(scene.system.servers.bind):
        wait_for_a_late_verification(scene)
        yield
    catch_up(scene)


@fault()
def secondary_killed(scene: Scene) -> Iterator[None]:
    """By kill -9; it starts with what it had."""
    scene.system.kill("secondary")
    wait_for_a_late_verification(scene)
    yield
    scene.system.start("secondary")


@fault(lasts=7)
def secondary_frozen(scene: Scene) -> Iterator[None]:
    """Its host takes connections, and nobody answers."""
    with scene.system.frozen(scene.system.descendants("secondary")):
        yield


@fault(lasts=5, backend=FRONTED)
def secondary_slow(scene: Scene) -> Iterator[None]:
    """As from another continent; it has all changes in time."""
    with scene.system.servers.fronts["secondary"].slow(_DELAY):
        yield


@fault(lasts=3, backend=FRONTED, possible=host_names.are_own)
def secondary_not_resolved(scene: Scene) -> Iterator[None]:
    """The inventory has it by its name, which has no address for a while."""
    with host_names.not_resolved(scene.system.directory):
        wait_for_a_late_verification(scene)
        yield

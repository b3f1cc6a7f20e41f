"""Processes of the app that are restarted as operators do it: one after the other, by SIGTERM."""

from collections.abc import Iterator

from tests.faults.matrix.faults import fault
from tests.faults.matrix.release import CURRENT, release_before
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.system import APIS, APP, CONSUMERS, WORKERS

_ONE_OF_EACH = (APIS[1], WORKERS[1], CONSUMERS[1])


@fault(lasts=0, upgrades=True)
def upgraded_from_the_release_before(scene: Scene) -> Iterator[None]:
    """The other process of each kind is started, the API's migrates; then those of the old release are."""
    scene.system.release = CURRENT
    _restart_all(scene)
    yield


@fault(lasts=0)
def all_restarted_in_turn(scene: Scene) -> Iterator[None]:
    """Every API, worker and consumer."""
    _restart_all(scene)
    yield


@fault(lasts=0)
def one_of_each_restarted(scene: Scene) -> Iterator[None]:
    """An API, a worker and a consumer."""
    for name in _ONE_OF_EACH:
        scene.system.stop(name)
        scene.system.start(name)
    yield


@fault(lasts=5)
def release_before_beside_this_one(scene: Scene) -> Iterator[None]:
    """An API, a worker and a consumer of the release before, on the schema of this one."""
    for release in (release_before(), CURRENT):
        scene.system.release = release
        for name in _ONE_OF_EACH:
            scene.system.stop(name)
            scene.system.start(name)
        if release is not CURRENT:
            yield


def _restart_all(scene: Scene) -> None:
    """Restart all processes of the app; those that do not run are started first."""
    for name in sorted(APP, key=scene.system.runs):
        if scene.system.runs(name):
            scene.system.stop(name)
        scene.system.start(name)

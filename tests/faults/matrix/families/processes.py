"""Processes of the app that are killed."""

from collections.abc import Iterator

from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene


@fault(lasts=1, quick=True)
def worker_killed(scene: Scene) -> Iterator[None]:
    """One of two, with kill -9."""
    scene.system.kill("worker-1")
    yield
    scene.system.start("worker-1")


@fault(lasts=1, quick=True)
def api_killed(scene: Scene) -> Iterator[None]:
    """One of two, with kill -9."""
    scene.system.kill("api-1")
    yield
    scene.system.start("api-1")

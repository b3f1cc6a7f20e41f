"""The folder for temporary files of a worker, on a small disk of its own: a run needs some files there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.small_disk import full, has_private_mounts, small_disk, without_files
from tests.support.eventually import eventually

_NOT_STARTED = "SELECT FROM dns_backends WHERE fault_code = 'run_not_started'"


@fault(lasts=3, possible=has_private_mounts)
def temporary_folder_full(scene: Scene) -> Iterator[None]:
    """Of one worker, whose runs can't be started."""
    with _own_disk(scene, "worker-1") as folder:
        scene.system.start("worker-1")
        with full(folder):
            _wait_for_the_fault(scene)
            yield


@fault(lasts=3, possible=has_private_mounts)
def temporary_folder_full_at_the_start(scene: Scene) -> Iterator[None]:
    """Of one worker, which begins there."""
    with _own_disk(scene, "worker-1") as folder, full(folder):
        scene.system.start("worker-1")
        yield


@fault(lasts=3, possible=has_private_mounts)
def temporary_folder_without_inodes(scene: Scene) -> Iterator[None]:
    """Of one worker: there is room, and no file can be made."""
    with _own_disk(scene, "worker-1") as folder:
        scene.system.start("worker-1")
        with without_files(folder):
            _wait_for_the_fault(scene)
            yield


@contextmanager
def _own_disk(scene: Scene, worker: str) -> Iterator[Path]:
    """Let the worker, which the block starts, have a disk of its own below TMPDIR; then it is as before."""
    folder = scene.system.tmp / worker
    scene.system.stop(worker)
    with small_disk(folder):
        yield folder
        scene.system.stop(worker)
    scene.system.start(worker)


def _wait_for_the_fault(scene: Scene) -> None:
    """Return when a run could not be started."""

    def is_noted() -> bool:
        with scene.system.connect() as connection:
            return connection.execute(_NOT_STARTED).rowcount > 0

    eventually(is_noted)

"""Redis, which holds nothing that may not be lost."""

import shutil
from collections.abc import Iterator

from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene


@fault()
def redis_killed(scene: Scene) -> Iterator[None]:
    """By kill -9; it comes back with what it had written."""
    scene.system.kill("valkey")
    yield
    scene.system.start("valkey")


@fault()
def redis_killed_with_its_data(scene: Scene) -> Iterator[None]:
    """Kicks and marks are gone."""
    scene.system.kill("valkey")
    shutil.rmtree(scene.system.directory / "valkey")
    yield
    scene.system.start("valkey")


@fault(lasts=7)
def redis_frozen(scene: Scene) -> Iterator[None]:
    """What timed out at its clients it does when it goes on."""
    with scene.system.frozen(scene.system.descendants("valkey")):
        yield

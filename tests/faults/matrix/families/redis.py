"""Redis, which may be lost with all that it holds."""

import shutil
from collections.abc import Iterator

from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene


@fault(quick=True)
def redis_killed_with_its_data(scene: Scene) -> Iterator[None]:
    """Kicks and marks are gone."""
    scene.system.kill("valkey")
    shutil.rmtree(scene.system.directory / "valkey")
    yield
    scene.system.start("valkey")

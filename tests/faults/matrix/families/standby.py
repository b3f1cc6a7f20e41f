"""A failover of PostgreSQL to a physical standby that has every commit. See also test_standby.py."""

from collections.abc import Iterator

from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.standby import Standby

_HALF = ("api-1", "worker-1")  # which know of both servers; the others wait until the address is back


@fault(lasts=2)
def primary_killed_with_a_synchronous_standby(scene: Scene) -> Iterator[None]:
    """The standby is promoted, and found by those who know both; then it takes the primary's address."""
    system, address = scene.system, scene.system.env["DATABASE_URL"]
    with Standby(system) as standby:
        with standby.synchronous():
            _restart(scene, standby.address_of_both)
            system.kill("postgres")
        standby.promote()
        system.env["DATABASE_URL"] = standby.address_of_both
        yield
        standby.take_the_place_of_the_primary()
        _restart(scene, address)
        system.env["DATABASE_URL"] = address


def _restart(scene: Scene, address: str) -> None:
    for name in _HALF:
        scene.system.stop(name)
        scene.system.start(name, DATABASE_URL=address)

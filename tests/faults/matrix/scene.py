"""The zones of one row, on both servers, and served by the orchestrator."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.matrix.release import CURRENT
from tests.faults.matrix.servers import DIRECT
from tests.faults.matrix.system import System
from tests.faults.matrix.zone_files import is_served
from tests.support.eventually import eventually

_ZONES = 6


@dataclass(frozen=True)
class Scene:
    """A system, and the zones that a fault finds under load."""

    system: System
    name: str
    zones: Sequence[str]
    told: bool  # whether what becomes of requests is published
    began: float  # when it was begun to be set, by the monotonic clock
    problems: list[str] = field(default_factory=list)  # that a fault has seen itself
    excused: set[str] = field(default_factory=set)  # codes with which requests may fail

    def note(self, problems: Iterable[str]) -> None:
        """Note what is wrong in the eyes of a fault."""
        self.problems.extend(problems)

    def excuse(self, *codes: str) -> None:
        """Let requests fail with these codes: what their names are then is for the servers to say."""
        self.excused.update(codes)


def set_scene(system: System, name: str, backend: str = DIRECT) -> Scene:
    """Make new zones, which this backend serves."""
    began = time.monotonic()
    servers = system.servers
    zones = [f"z{number}.{name}.test" for number in range(_ZONES)]
    for zone in zones:
        servers.add_zone(zone)
    eventually(lambda: all(is_served(zone, port) for zone in zones for port in servers.dns_ports.values()))
    with system.client(system.admin, timeout=30) as client:
        for zone in zones:
            served = {"name": zone, "backend": backend}
            client.post(f"{system.url('api-1')}/api/v1/zones", json=served).raise_for_status()
    told = system.release == CURRENT  # the one before it may not know how to
    if told:
        eventually(system.publishes)
    return Scene(system, name, zones, told, began)

"""The network between the app and its servers. What is lost on the way is not refused, but not answered."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from tests.faults.matrix import network
from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import FRONTED


@fault(lasts=6, possible=network.is_own)
def postgres_cut_off(scene: Scene) -> Iterator[None]:
    """It hears the app, and is not heard: what it commits nobody learns."""
    with network.answers_lost(_ports(scene, "DATABASE_URL")):
        yield


@fault(lasts=6, possible=network.is_own)
def redis_cut_off(scene: Scene) -> Iterator[None]:
    """It hears the app, and is not heard: what it has taken is taken from it once more."""
    with network.answers_lost(_ports(scene, "CELERY_BROKER_URL")):
        yield


@fault(lasts=6, possible=network.is_own)
def kafka_cut_off(scene: Scene) -> Iterator[None]:
    """It hears consumers and publishers, and is not heard: what they send it has, and comes again."""
    with network.answers_lost([scene.system.servers.kafka.node.port]):
        yield


@fault(lasts=6, possible=network.is_own, backend=FRONTED)
def primary_cut_off(scene: Scene) -> Iterator[None]:
    """It hears the app, and is not heard: what has become of an update is not known."""
    with network.answers_lost([scene.system.servers.fronts["bind"].port]):
        yield


@fault(lasts=6, possible=network.is_own, backend=FRONTED)
def both_dns_servers_cut_off(scene: Scene) -> Iterator[None]:
    """Nobody tells what an update has changed."""
    with network.answers_lost([front.port for front in scene.system.servers.fronts.values()]):
        yield


@fault(lasts=4, possible=network.is_own, backend=FRONTED)
def no_route_to_any_server(scene: Scene) -> Iterator[None]:
    """Nothing of the app gets through; whoever connects is told so."""
    servers = scene.system.servers
    ports = [*_ports(scene, "DATABASE_URL"), *_ports(scene, "CELERY_BROKER_URL"), servers.kafka.node.port]
    with network.without_route([*ports, *(front.port for front in servers.fronts.values())]):
        yield


def _ports(scene: Scene, *settings: str) -> Sequence[int]:
    """Return the ports of the addresses that these settings have."""
    return [urlsplit(scene.system.env[name]).port or 0 for name in settings]

"""The DNS server that takes the updates. No request fails for what is wrong with it: all wait for it."""

from collections.abc import Iterator
from contextlib import ExitStack

from dns.rcode import Rcode

from stack.nameserver import create_key
from tests.faults.matrix.faults import fault
from tests.faults.matrix.front import Part
from tests.faults.matrix.misconfigured import catch_up, with_another_key, without_updates, without_zones
from tests.faults.matrix.restored_zone import restore_an_older_copy
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import FRONTED
from tests.faults.matrix.stages import wait_for_a_fault

_DELAY = 0.2  # seconds in each direction


@fault(backend=FRONTED)
def primary_killed_in_the_middle_of_an_update(scene: Scene) -> Iterator[None]:
    """It has read half of the message."""
    scene.system.servers.fronts["bind"].cut_an_update(Part.HALF)
    scene.system.kill("bind")
    yield
    scene.system.start("bind")


@fault(backend=FRONTED)
def primary_killed_before_its_answer_is_out(scene: Scene) -> Iterator[None]:
    """It has carried out an update, and nobody is told so."""
    scene.system.servers.fronts["bind"].cut_an_update(Part.NO_ANSWER)
    scene.system.kill("bind")
    yield
    scene.system.start("bind")


@fault()
def primary_refuses_updates(scene: Scene) -> Iterator[None]:
    """Somebody has taken the key's right to change the zones."""
    with without_updates(scene.system.servers.bind, scene.zones):
        wait_for_a_fault(scene, "zone_refuses_updates")
        yield


@fault()
def primary_has_frozen_the_zones(scene: Scene) -> Iterator[None]:
    """As operators do who edit them by hand."""
    with ExitStack() as frozen:
        for zone in scene.zones:
            frozen.enter_context(scene.system.servers.bind.frozen(zone))
        wait_for_a_fault(scene, "zone_refuses_updates")
        yield


@fault()
def primary_has_not_loaded_the_zones(scene: Scene) -> Iterator[None]:
    """As while it starts with very many, or when their configuration is lost."""
    with without_zones(scene.system.servers.bind, scene.zones):
        wait_for_a_fault(scene, "zone_not_loaded")
        yield


@fault(backend=FRONTED)
def primary_accepts_and_closes(scene: Scene) -> Iterator[None]:
    """A load balancer stands before it, whose server is dead."""
    with scene.system.servers.fronts["bind"].closing():
        wait_for_a_fault(scene, "server_unreachable")
        yield


@fault(lasts=7)
def primary_frozen(scene: Scene) -> Iterator[None]:
    """Its host takes connections, and nobody answers."""
    with scene.system.frozen(scene.system.descendants("bind")):
        yield


@fault(lasts=4, backend=FRONTED)
def primary_slow(scene: Scene) -> Iterator[None]:
    """As from another continent."""
    with scene.system.servers.fronts["bind"].slow(_DELAY):
        yield


@fault(backend=FRONTED)
def primary_fails_at_everything(scene: Scene) -> Iterator[None]:
    """Every question and every update gets SERVFAIL."""
    with scene.system.servers.fronts["bind"].answering(Rcode.SERVFAIL):
        wait_for_a_fault(scene, "zone_failed")
        yield


@fault(backend=FRONTED)
def wrong_key(scene: Scene) -> Iterator[None]:
    """Somebody has given the workers a key that the server does not know by that name."""
    key = scene.system.servers.fronted_key
    right = key.read_bytes()
    key.unlink()
    create_key(key)
    try:
        wait_for_a_fault(scene, "tsig_refused")
        yield
    finally:
        key.write_bytes(right)


@fault(backend=FRONTED)
def primary_has_another_key(scene: Scene) -> Iterator[None]:
    """Somebody has changed it on the server alone. The secondary has the old one, too."""
    with with_another_key(scene.system.servers.bind):
        wait_for_a_fault(scene, "tsig_refused")
        yield
    catch_up(scene)


@fault(lasts=0)
def primary_restored_from_an_older_copy(scene: Scene) -> Iterator[None]:
    """Of one zone: what is gone is found as drift, and made again. The others find it restarted."""
    restore_an_older_copy(scene)
    yield

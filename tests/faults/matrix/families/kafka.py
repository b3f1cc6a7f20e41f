"""Kafka: a broker that is away, members that come and go, messages that nobody can accept."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from confluent_kafka import Consumer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tests.faults.matrix.dead_letters import (
    DLQ,
    Poison,
    invalid_messages,
    request,
    send,
    wait_for_dead_letters,
)
from tests.faults.matrix.deadly_front import deadly_front
from tests.faults.matrix.faults import fault
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import GROUP, TOPIC
from tests.faults.matrix.system import APIS, CONSUMERS
from tests.support.eventually import eventually

_TINY = "70"  # octets of a message: too few for any dead letter
_TAKES = 2.0  # seconds in which another member gets a message
_DEADLY = "deadly"


@fault()
def broker_killed(scene: Scene) -> Iterator[None]:
    """By kill -9."""
    scene.system.kill("kafka")
    yield
    scene.system.start("kafka")


@fault(lasts=1)
def broker_restarted(scene: Scene) -> Iterator[None]:
    """In good order."""
    scene.system.stop("kafka")
    yield
    scene.system.start("kafka")


@fault(lasts=8)
def broker_frozen(scene: Scene) -> Iterator[None]:
    """For longer than a member's session: when it goes on it has heard of nobody."""
    with scene.system.frozen(scene.system.descendants("kafka")):
        yield


@fault(lasts=1)
def members_join_and_leave(scene: Scene) -> Iterator[None]:
    """One more, again and again: it takes messages of its partitions, and commits nothing."""
    for _ in range(4):
        with _another_member(scene):
            pass
    yield


@fault(lasts=0)
def consumers_restarted_in_a_row(scene: Scene) -> Iterator[None]:
    """While the group still shares out what the last one has left."""
    for _ in range(2):
        for name in CONSUMERS:
            scene.system.stop(name)
            scene.system.start(name)
    yield


@fault(lasts=1)
def invalid_messages_come(scene: Scene) -> Iterator[None]:
    """Between good ones of the same partition: they go to the DLQ, and the others go on."""
    zone = scene.zones[0]
    sent = send(scene, invalid_messages(zone), zone)
    yield
    wait_for_dead_letters(scene, sent)


@fault(lasts=1)
def message_kills_the_api(scene: Scene) -> Iterator[None]:
    """Whenever it comes: it is found among the others, and put aside."""
    zone = scene.zones[0]
    refused = request(f"not-served.{scene.name}.test", "zone_unknown: ")
    deadly = request(zone, "api_failed: the API gave no answer to it alone", owner=_DEADLY)
    with deadly_front(scene.system, APIS[0], f"{_DEADLY}.{zone}".encode()) as (front, url):
        _restart_consumers(scene, API_URL=url)
        try:
            sent = send(scene, [refused, deadly, refused], zone)
            yield
            wait_for_dead_letters(scene, sent)
        finally:
            _restart_consumers(scene)
        scene.note([] if front.deaths > 1 else [f"the API has died {front.deaths} times"])


@fault(lasts=4)
def dlq_deleted(scene: Scene) -> Iterator[None]:
    """It is made again when it is needed."""
    zone = scene.zones[0]
    admin = _admin(scene)  # it ends with its last name
    for deleted in admin.delete_topics([DLQ]).values():
        deleted.result(30)
    sent = send(scene, [Poison(b"not JSON", "message_not_json: ")], zone)
    yield
    wait_for_dead_letters(scene, sent)


@fault(lasts=4)
def dlq_refuses_messages(scene: Scene) -> Iterator[None]:
    """All are too large for it: nothing behind them is committed until it takes them."""
    zone = scene.zones[0]
    _limit_dlq(scene, _TINY)
    sent = send(scene, invalid_messages(zone), zone)
    yield
    _limit_dlq(scene, None)
    wait_for_dead_letters(scene, sent)


@contextmanager
def _another_member(scene: Scene) -> Iterator[None]:
    """Run a member of the consumers' group for the block, which has partitions, and messages of them."""
    member = Consumer(
        {
            "bootstrap.servers": scene.system.env["KAFKA_BROKER_URL"],
            "group.id": GROUP,
            "enable.auto.commit": False,
            "heartbeat.interval.ms": 1000,
            "log_level": 0,
        }
    )
    assigned = Event()
    member.subscribe([TOPIC], on_assign=lambda *_: assigned.set())

    def is_assigned() -> bool:
        member.poll(0.1)
        return assigned.is_set()

    try:
        eventually(is_assigned)
        member.poll(_TAKES)  # there may be none for its partitions
        yield
    finally:
        member.close()


def _restart_consumers(scene: Scene, **settings: str) -> None:
    scene.system.stop_together(CONSUMERS)
    for name in CONSUMERS:
        scene.system.start(name, **settings)


def _limit_dlq(scene: Scene, octets: str | None) -> None:
    """Set how large a message of the DLQ may be, or leave it to the broker."""
    operation = AlterConfigOpType.DELETE if octets is None else AlterConfigOpType.SET
    entry = ConfigEntry("max.message.bytes", octets, incremental_operation=operation)
    resource = ConfigResource(ResourceType.TOPIC, DLQ, incremental_configs=[entry])
    admin = _admin(scene)
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(30)


def _admin(scene: Scene) -> AdminClient:
    return AdminClient({"bootstrap.servers": scene.system.env["KAFKA_BROKER_URL"], "log_level": 0})

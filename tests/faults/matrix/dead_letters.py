"""Messages that nobody can accept, and what the DLQ is to say of each."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import TOPIC
from tests.faults.matrix.system import KAFKA_ACCOUNT
from tests.support.builders import body
from tests.support.eventually import eventually

DLQ = f"{TOPIC}.dlq"

Origin = tuple[str, ...]  # topic, partition and offset, as the headers have them


@dataclass(frozen=True)
class Poison:
    """A message, and how the DLQ's header `error` begins."""

    value: bytes | None
    error: str


@dataclass(frozen=True)
class Sent:
    """One that the broker has, and where."""

    poison: Poison
    key: bytes
    origin: Origin


def invalid_messages(zone: str) -> Sequence[Poison]:
    """Return one of each kind; most of them name the zone, as the good ones do."""
    reserved = {**body(zone, "poison", account=KAFKA_ACCOUNT), "idempotency_key": "x"}
    return [
        Poison(b"not JSON", "message_not_json: "),
        Poison(b"[]", "message_not_an_object: "),
        Poison(b'"\xff"', "message_not_utf8: "),
        Poison(None, "message_empty: "),
        Poison(json.dumps(reserved).encode(), "message_field_reserved: "),
        Poison(b"{}", "missing: "),
        request(zone, "ipv4_invalid: ", target="no address"),
        request(f"not-served.{zone.partition('.')[2]}", "zone_unknown: "),
        request(zone, "not_allowed: ", account="somebody-else"),
    ]


def request(
    zone: str,
    error: str,
    *,
    owner: str = "poison",
    account: str = KAFKA_ACCOUNT,
    target: str = "192.0.2.1",
) -> Poison:
    """Return one that is a request as far as the consumer can tell."""
    value = body(zone, owner, account=account, target=target)
    return Poison(json.dumps(value).encode(), error)


def send(scene: Scene, poisons: Sequence[Poison], zone: str) -> list[Sent]:
    """Put the messages between the others of the zone, and return them when the broker has them."""
    producer = Producer(
        {
            "bootstrap.servers": scene.system.env["KAFKA_BROKER_URL"],
            "enable.idempotence": True,
            "linger.ms": 50,
            "log_level": 0,
        }
    )
    found: list[Message] = []

    def note(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        found.append(message)

    for poison in poisons:
        producer.produce(TOPIC, poison.value, key=zone, on_delivery=note)
    assert producer.flush(60) == 0
    found.sort(key=lambda message: message.offset() or 0)
    places = [(TOPIC, str(message.partition()), str(message.offset())) for message in found]
    return [Sent(poison, zone.encode(), place) for poison, place in zip(poisons, places, strict=True)]


def wait_for_dead_letters(scene: Scene, sent: Sequence[Sent]) -> None:
    """Return when the DLQ has all of these; note those that it has otherwise than designed."""
    brokers = scene.system.env["KAFKA_BROKER_URL"]
    expected = {each.origin for each in sent}

    def all_there() -> list[Message] | None:
        letters = [each for each in read_all(brokers, DLQ) if _origin(each) in expected]
        return letters if {_origin(each) for each in letters} == expected else None

    scene.note(_wrong(sent, eventually(all_there, pause=0.5)))


def read_all(brokers: str, topic: str) -> list[Message]:
    """Return the messages of the only partition of a topic."""
    settings = {"bootstrap.servers": brokers, "log_level": 0, "group.id": "reader"}
    reader = Consumer({**settings, "enable.auto.commit": False, "enable.partition.eof": True})
    reader.assign([TopicPartition(topic, 0, 0)])
    found: list[Message] = []
    while (message := reader.poll(5)) is not None and message.error() is None:
        found.append(message)
    reader.close()
    return found


def _wrong(sent: Sequence[Sent], letters: Sequence[Message]) -> Iterator[str]:
    number = Counter(map(_origin, letters))
    by_origin = {_origin(letter): letter for letter in letters}
    for each in sent:
        letter = by_origin[each.origin]
        error = _headers(letter).get("error", "")
        if number[each.origin] > 1:
            yield f"{number[each.origin]} dead letters for {each.poison.value!r}"
        if (letter.key(), letter.value() or None) != (each.key, each.poison.value):
            yield f"the dead letter of {each.poison.value!r} is {letter.key()!r}: {letter.value()!r}"
        if not error.startswith(each.poison.error):
            yield f"the dead letter of {each.poison.value!r} says {error} instead of {each.poison.error}"


def _origin(letter: Message) -> Origin:
    headers = _headers(letter)
    return tuple(headers.get(f"original-{name}", "") for name in ("topic", "partition", "offset"))


def _headers(letter: Message) -> dict[str, str]:
    pairs: Sequence[tuple[str, bytes]] = letter.headers() or []  # type: ignore[assignment]
    return {name: value.decode() for name, value in pairs}

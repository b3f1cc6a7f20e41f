"""Messages of any value, key and headers: each becomes a request or a dead letter, and none stops others."""

import json
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.kafka.test_intake import counts
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.fuzzing import the_same
from tests.support.kafka.processes import Api
from tests.support.kafka.sandbox import ZONE, KafkaSandbox, header

ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    ("context",),
    ("context", "account_id"),
    ("context", "source"),
    ("context", "not_before"),
    ("resource",),
    ("resource", "record_type"),
    ("resource", "domain"),
    ("resource", "target"),
    ("resource", "config"),
    ("resource", "config", "ttl"),
    ("resource", "config", "extra_config"),
    ("resource", "view"),
    ("action",),
    ("idempotency_key",),
    ("traceparent",),
    ("surplus",),
]
KEYS = st.none() | st.binary(max_size=20) | st.just(ZONE.encode())
NAMES = st.sampled_from(["idempotency-key", "traceparent", "error", "original-offset", "value-left-out"])
HEADERS = st.lists(
    st.tuples(NAMES | st.text(max_size=10), st.none() | st.binary(max_size=30) | st.just(b"again")),
    max_size=3,
)


class Sent(NamedTuple):
    """A message."""

    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes | None]]


def put(there: Any, place: tuple[str, ...], value: Any) -> None:
    *path, last = place
    for step in path:
        there = there.setdefault(step, {}) if isinstance(there, dict) else {}
    if isinstance(there, dict):
        there[last] = value


@st.composite
def values(draw: st.DrawFn) -> bytes:
    """A request with other values in it, or other octets; or anything."""
    asked: Any = body(ZONE, draw(st.sampled_from("abcdef")), account="team-any")
    for place in draw(st.lists(st.sampled_from(PLACES), max_size=2)):
        put(asked, place, draw(ANY))
    octets = bytearray(json.dumps(asked).encode())
    for _ in range(draw(st.integers(0, 3)) // 2):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(octets)


VALUES = values() | st.none() | st.binary(max_size=100) | ANY.map(lambda value: json.dumps(value).encode())
MESSAGES = st.lists(st.builds(Sent, VALUES, KEYS, HEADERS), min_size=20, max_size=40)


def test_each_message_becomes_a_request_or_a_dead_letter(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    consumer = sandbox.start_consumer(kafka_api.url)
    sent = 0

    @the_same(3)
    @given(MESSAGES)
    def offer(messages: list[Sent]) -> None:
        nonlocal sent
        for message in messages:
            sandbox.produce(message.value, key=message.key, headers=message.headers)
        sent += len(messages)
        eventually(lambda: sandbox.committed() == sent)

    offer()
    letters = sandbox.dead_letters()
    assert consumer.stop() == 0
    assert counts(consumer.output, "dead_letters") == len(letters)
    assert counts(consumer.output, "accepted", "replayed", "dead_letters") == sent
    places = {(header(letter, "original-partition"), header(letter, "original-offset")) for letter in letters}
    assert len(places) == len(letters) > 20
    assert counts(consumer.output, "accepted") > 5

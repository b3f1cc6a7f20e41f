"""Events reach the topic of results: all of them, in order for each request, whoever is killed or away."""

import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import engine, transaction
from app.domain.change import ChangeResult, Outcome
from app.schemas.events import CloudEvent
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.events.publish import NotHandedOn
from app.services.events.to_kafka import KafkaPublisher
from app.store import outbox
from app.topics.headers import read_headers
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.fixed_runner import APPLIED, FixedRunner
from tests.support.forked import Forked
from tests.support.kafka.broker import Broker
from tests.support.kafka.publisher import STANDS_STILL
from tests.support.kafka.sandbox import KafkaSandbox
from tests.support.settings import SetSettings

REQUESTS = 30
LINES = """
    INSERT INTO dns_request_events (request_id, status, message)
    SELECT id, 'running', 'for operators' FROM dns_requests ORDER BY random()
"""


def event_of(message: Message) -> dict[str, Any]:
    """The event that a message has."""
    assert message.error() is None
    event: dict[str, Any] = json.loads(message.value() or b"")
    CloudEvent.model_validate(event)
    return event


class Results:
    """The topic of results as its consumer sees it, from the beginning."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker.address,
                "group.id": topic,
                "enable.auto.commit": False,
                "enable.partition.eof": False,
            }
        )
        self._messages: list[Message] = []
        self._ids: set[str] = set()

    def start(self) -> None:
        """Read the partitions that there are."""
        partitions = eventually(
            lambda: self._consumer.list_topics(self.topic, timeout=20).topics[self.topic].partitions
        )
        self._consumer.assign([TopicPartition(self.topic, number, 0) for number in partitions])

    def read(self, number: int) -> list[Message]:
        """Wait until there are so many different events; return all messages that were read so far."""
        deadline = time.monotonic() + 60
        while len(self._ids) < number:
            assert time.monotonic() < deadline, f"{len(self._messages)} messages, {number} events"
            found = self._consumer.consume(10_000, timeout=0.5)
            self._messages += found
            self._ids |= {event_of(message)["id"] for message in found}
        return self._messages

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test: processes stay connected."""
    return copied_database


@pytest.fixture
def results(client: TestClient, sandbox: KafkaSandbox, set_settings: SetSettings) -> Iterator[Results]:
    """The topic, which publishers in this process and in others publish to."""
    topic = f"results-{sandbox.topic}"
    set_settings(
        EXECUTOR="simulated",
        KAFKA_BROKER_URL=sandbox.broker.address,
        KAFKA_RESULTS_TOPIC=topic,
        KAFKA_CONFIG__ENABLE_IDEMPOTENCE="true",
        KAFKA_DNS_TOPIC=sandbox.topic,
        LEASE="3",
    )
    reader = Results(sandbox.broker, topic)
    yield reader
    reader.close()
    engine().dispose()


@pytest.fixture
def publisher(results: Results) -> KafkaPublisher:
    """A publisher in this process, which has the lease and has switched the listener on."""
    publisher = KafkaPublisher(results.topic)
    assert publisher.publish_some() == 0
    results.start()
    return publisher


def submit(api: TestClient, zone: str, number: int, **fields: Any) -> list[str]:
    items = [body(zone, f"h{index}", action="create", **fields) for index in range(number)]
    answer = api.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    return [result["request"]["id"] for result in answer.json()["results"]]


def write_lines(times: int) -> None:
    """Let the status of every request change so often, each time in one transaction."""
    for _ in range(times):
        with transaction() as session:
            session.execute(text(LINES))


def publish_all(publisher: KafkaPublisher) -> None:
    """Publish what waits; with a short lease, the time is short in which a broker must have confirmed it."""

    def nothing_waits() -> bool:
        with suppress(NotHandedOn):
            return publisher.publish_some() == 0
        return False

    eventually(nothing_waits)


def assert_whole_and_in_order(messages: list[Message], each: int) -> None:
    """Whoever leaves out what he has had already has every event of each request, in order."""
    sequences: defaultdict[object, list[str]] = defaultdict(list)
    seen: dict[object, object] = {}
    for message in messages:
        event = event_of(message)
        if event["id"] in seen:
            assert seen[event["id"]] == message.value()
            continue
        seen[event["id"]] = message.value()
        sequences[event["subject"]].append(event["sequence"])
    assert [len(found) for found in sequences.values()] == [each] * REQUESTS
    assert all(found == sorted(set(found)) for found in sequences.values())


def test_what_becomes_of_requests_is_published(
    client: TestClient, new_zone: str, publisher: KafkaPublisher, results: Results
) -> None:
    refused = ChangeResult(Outcome.FAILED, "refused", "10.0.0.1: not with the key /etc/keys/secret")
    [good] = submit(client, new_zone, 1, comment="ä")
    drain(new_zone, FixedRunner(APPLIED), make_backends())
    [bad] = submit(client, new_zone, 1, target="192.0.2.2")
    drain(new_zone, FixedRunner(refused), make_backends())
    publish_all(publisher)
    messages = results.read(6)
    events = list({event["id"]: event for event in map(event_of, messages)}.values())
    assert len(events) == 6
    assert [event["type"] for event in events if event["subject"] == good] == [
        f"dns.request.{status}" for status in ("pending", "running", "succeeded")
    ]
    last = next(event for event in reversed(events) if event["subject"] == bad)
    shown = client.get(f"/api/v1/dns/requests/{bad}").json()
    data = last["data"]
    assert data["error"] == {
        "code": "refused",
        "message": "the DNS server, or the playbook, refuses it",
    }
    same = ["id", "action", "status", "zone", "resource", "batch_id"]
    same += ["created_at", "started_at", "finished_at"]
    assert {name: data[name] for name in same} == {name: shown[name] for name in same}
    assert (data["account_id"], last["specversion"]) == ("team-a", "1.0")
    assert "10.0.0.1" not in str(events)
    assert all(message.key() == str(event_of(message)["subject"]).encode() for message in messages)
    assert read_headers(messages[0]) == [("content-type", b"application/cloudevents+json; charset=UTF-8")]


StartPublisher = Callable[..., Forked]


@pytest.fixture
def start_publisher(results: Results, tmp_path: Path) -> Iterator[StartPublisher]:
    """Starts publishers in processes of their own."""
    started: list[Forked] = []

    def start(*words: str) -> Forked:
        log = tmp_path / f"publisher-{len(started)}.log"
        process = Forked(["-m", "tests.support.kafka.publisher", *words], {}, log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.__exit__()


def test_publishers_that_are_killed_or_frozen_lose_nothing_and_keep_the_order(
    client: TestClient,
    new_zone: str,
    publisher: KafkaPublisher,
    results: Results,
    start_publisher: StartPublisher,
) -> None:
    publisher.end()
    submit(client, new_zone, REQUESTS)
    write_lines(20)
    killed = start_publisher("1")  # at its first batch, which is published and not deleted
    eventually(lambda: STANDS_STILL in killed.output)
    os.kill(killed.pid, signal.SIGKILL)
    frozen = start_publisher("1")
    eventually(lambda: STANDS_STILL in frozen.output)  # once the lease of the first one has run out
    os.kill(frozen.pid, signal.SIGSTOP)
    third = start_publisher()
    write_lines(20)
    results.read(REQUESTS * 41)
    os.kill(frozen.pid, signal.SIGCONT)
    write_lines(2)
    messages = results.read(REQUESTS * 43)
    assert third.running
    assert len(messages) > REQUESTS * 43  # what was not deleted was published again
    assert_whole_and_in_order(messages, 43)
    eventually(lambda: waiting() == 0)


def waiting() -> int:
    with transaction() as session:
        return sum(each.number for each in outbox.list_waiting(session))


def test_while_kafka_is_away_events_wait(
    client: TestClient,
    new_zone: str,
    sandbox: KafkaSandbox,
    publisher: KafkaPublisher,
    results: Results,
) -> None:
    submit(client, new_zone, REQUESTS)
    sandbox.broker.freeze()
    try:
        write_lines(2)
        with pytest.raises(NotHandedOn):
            publisher.publish_some()
        [lag] = client.get("/api/v1/stats").json()["events"]
        assert (lag["listener"], lag["waiting"]) == ("kafka", REQUESTS * 3)
        assert lag["oldest_s"] > 0
        assert "events for kafka" in client.get("/console/").text
    finally:
        sandbox.broker.thaw()
    write_lines(2)
    publish_all(publisher)
    assert_whole_and_in_order(results.read(REQUESTS * 5), 5)


def test_what_the_brokers_refuse_as_too_large_is_sent_alone_or_without_what_was_asked_for(
    client: TestClient, new_zone: str, sandbox: KafkaSandbox, results: Results
) -> None:
    sandbox.create_topic(results.topic, 0, **{"max.message.bytes": "3000"})
    publisher = KafkaPublisher(results.topic)
    assert publisher.publish_some() == 0
    results.start()
    ids = submit(client, new_zone, 20)
    [large] = submit(client, new_zone, 1, comment="ä" * 900, config={"extra_config": {"x": "y" * 2_000}})
    publish_all(publisher)
    events = list(map(event_of, results.read(21)))
    assert {event["subject"] for event in events} == {*ids, large}
    assert {event["subject"] for event in events if event["data"]["resource"] is None} == {large}

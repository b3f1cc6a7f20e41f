"""A topic, a consumer group and an account that one test has for itself."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.forked import CLI, CONSUMER, Ended, Forked, run_in_fork
from tests.support.kafka.broker import Broker

ZONE = "kafka.test"


BATCH_FAILED = "could not process a batch"  # what a consumer logs before it tries again


class KafkaSandbox:
    """Produces messages, runs consumers, and shows what became of the messages."""

    def __init__(self, broker: Broker, directory: Path, partitions: int = 6) -> None:
        self.broker = broker
        self.account = f"team-{secrets.token_hex(4)}"
        self.topic = f"requests-{secrets.token_hex(4)}"
        self.group = f"group-{secrets.token_hex(4)}"
        self._partitions = partitions
        self.directory = directory
        self._consumers: list[Forked] = []
        self._offset_readers: dict[str, Consumer] = {}

    def env(self, api_url: str = "http://127.0.0.1:9/api/v1/dns/create") -> dict[str, str]:
        """The environment of a consumer, or of the command line."""
        return {
            "KAFKA_BROKER_URL": self.broker.address,
            "KAFKA_DNS_TOPIC": self.topic,
            "KAFKA_GROUP_ID": self.group,
            "KAFKA_PARTITIONS": str(self._partitions),
            "API_URL": api_url,
        }

    def create_topic(self, name: str = "", partitions: int = 0, **config: str) -> None:
        """Create the topic, or another one, before a consumer does."""
        topic = NewTopic(name or self.topic, partitions or self._partitions, -1, config=config)
        admin = self._admin()
        for created in admin.create_topics([topic]).values():
            created.result(10)

    def delete_topic(self, name: str) -> None:
        """Delete a topic and its messages."""
        admin = self._admin()
        for deleted in admin.delete_topics([name]).values():
            deleted.result(10)

    def produce(self, *values: bytes | None, topic: str = "", **options: Any) -> None:
        """Produce the values in order, each confirmed by the broker; to the topic, or to another one."""
        config: dict[str, str | int] = {
            "bootstrap.servers": self.broker.address,
            "log_level": 0,
            "message.max.bytes": 10_000_000,
            "max.in.flight": 1,
        }
        producer = Producer(config)
        refused: list[KafkaError] = []

        def note(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                refused.append(error)

        for value in values:
            producer.produce(topic or self.topic, value, on_delivery=note, **options)
        assert producer.flush(20) == 0
        assert not refused

    def start_consumer(self, api_url: str, env: Mapping[str, str] | None = None) -> Forked:
        """Run a consumer; the fixture stops it at the end of the test."""
        log = self.directory / f"consumer-{len(self._consumers)}.log"
        consumer = Forked(CONSUMER, {**self.env(api_url), **(env or {})}, log)
        self._consumers.append(consumer)
        return consumer

    def start_member(self, api_url: str, env: Mapping[str, str] | None = None) -> Forked:
        """Run a consumer and wait until it is a member of the group."""
        consumer = self.start_consumer(api_url, env)
        eventually(lambda: "partitions are assigned" in consumer.output)
        return consumer

    def assert_members_stay(self, partitions: list[int], seconds: float) -> None:
        """Assert for so long that the members hold these numbers of partitions."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.members() == partitions
            time.sleep(0.5)

    def cli(self, *words: str, **env: str) -> Ended:
        """Run the command line with its output in files, not on a terminal."""
        return run_in_fork([*CLI, *words], {**self.env(), **env}, self.directory)

    def stop_all(self) -> None:
        """Kill the consumers that still run."""
        for consumer in self._consumers:
            consumer.__exit__()
        for reader in self._offset_readers.values():
            reader.close()

    def committed(self, group: str = "") -> int:
        """The sum of the group's committed offsets: the number of messages that are done."""
        places = [TopicPartition(self.topic, number) for number in range(self._partitions)]
        try:
            return sum(
                max(0, place.offset) for place in self._offset_reader(group).committed(places, timeout=10)
            )
        except KafkaException:
            return 0

    def members(self) -> list[int]:
        """How many partitions each member of the group holds; nothing while the group is being formed."""
        group = self._group()
        return sorted(len(member.assignment.topic_partitions) for member in group.members) if group else []

    def rebalancing(self) -> bool:
        """Whether a member is joining and the others have not rejoined the group yet."""
        group = self._group()
        return group is not None and group.state == ConsumerGroupState.PREPARING_REBALANCING

    def values(self) -> list[bytes | None]:
        """The values of all messages of the topic."""
        return [message.value() for message in _read_all(self.broker.address, self.topic)]

    def dead_letters(self) -> list[Message]:
        """The messages of the dead-letter topic."""
        return _read_all(self.broker.address, f"{self.topic}.dlq")

    def _group(self) -> Any:
        admin = self._admin()
        [group] = admin.describe_consumer_groups([self.group]).values()
        try:
            return group.result(10)
        except KafkaException:
            return None

    def _offset_reader(self, group: str) -> Consumer:
        """A consumer that only reads offsets: the admin client crashes where the group has no coordinator."""
        group = group or self.group
        if group not in self._offset_readers:
            self._offset_readers[group] = Consumer(
                {"bootstrap.servers": self.broker.address, "log_level": 0, "group.id": group}
            )
        return self._offset_readers[group]

    def _admin(self) -> AdminClient:
        """A new client for each call: the broker may have been restarted."""
        return AdminClient({"bootstrap.servers": self.broker.address, "log_level": 0})


def request(sandbox: KafkaSandbox, name: str, action: str | None = None, **resource: Any) -> bytes:
    """The value of a message: the request for a record in the zone that the tests' API serves."""
    return json.dumps(body(ZONE, name, account=sandbox.account, action=action, **resource)).encode()


def header(message: Message, name: str) -> str:
    """The last value of a header, as text."""
    pairs: Sequence[tuple[str, bytes]] = message.headers() or []  # type: ignore[assignment]
    return dict(pairs)[name].decode()


def _read_all(address: str, topic: str) -> list[Message]:
    reader = Consumer(
        {
            "bootstrap.servers": address,
            "log_level": 0,
            "group.id": "reader",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "receive.message.max.bytes": 100_000_000,
        }
    )
    reader.assign([TopicPartition(topic, 0, 0)])
    found: list[Message] = []
    while (message := reader.poll(10)) is not None and message.error() is None:
        found.append(message)
    reader.close()
    return found

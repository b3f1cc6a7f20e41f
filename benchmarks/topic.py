"""A topic on Apache Kafka that is filled with requests before consumers read it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from confluent_kafka import Consumer, Producer

from benchmarks.door import ZONE
from tests.support.kafka.apache import ApacheKafka
from tests.support.kafka.broker import Broker
from tests.support.kafka.sandbox import KafkaSandbox

_RUN = 1_000  # messages that go to the same partition one after the other, or are read at once


@contextmanager
def apache_kafka(folder: Path) -> Iterator[Broker]:
    """Start a broker of one node; remove it after the block."""
    broker = ApacheKafka(folder / "kafka")
    try:
        yield broker.start()
    finally:
        broker.remove()


@contextmanager
def new_topic(broker: Broker, folder: Path, partitions: int) -> Iterator[KafkaSandbox]:
    """Create an empty topic with a consumer group of its own."""
    sandbox = KafkaSandbox(broker, Path(mkdtemp(dir=folder)), partitions)
    sandbox.create_topic()
    try:
        yield sandbox
    finally:
        sandbox.stop_all()


def fill(sandbox: KafkaSandbox, partitions: int, number: int) -> None:
    """Write `number` creates into the topic, spread over its partitions."""
    producer = Producer({"bootstrap.servers": sandbox.broker.address})
    for index in range(number):
        producer.produce(sandbox.topic, item(sandbox.account, index), partition=index // _RUN % partitions)
    assert producer.flush(60) == 0


def item(account: str, index: int) -> bytes:
    """Return a create whose owner name has the index."""
    resource = {
        "record_type": "A",
        "domain": f"h{index}.{ZONE}",
        "target": f"10.0.{index // 256 % 256}.{index % 256}",
        "comment": "asked for by a benchmark",
        "config": {"ttl": 300},
    }
    return json.dumps({"context": {"account_id": account}, "resource": resource}).encode()


def plain_rate(sandbox: KafkaSandbox, number: int) -> float:
    """Return the messages per second that the client library delivers, from the first to the last."""
    reader = Consumer(
        {
            "bootstrap.servers": sandbox.broker.address,
            "group.id": sandbox.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    reader.subscribe([sandbox.topic])
    while not (seen := len(reader.consume(1, 1))):
        pass
    began = time.perf_counter()
    while seen < number:
        seen += len(reader.consume(_RUN, 0.1))
    taken = time.perf_counter() - began
    reader.close()
    return number / taken

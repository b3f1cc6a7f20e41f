"""The properties of librdkafka clients, and the topics that must exist."""

import logging
import re
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from app.core.config import settings
from app.core.logging import get_logger

log = get_logger("kafka")

Properties = dict[str, str | int | bool]
TOPIC_TIMEOUT = 10.0  # seconds within which topics must have been created
_POLL = 0.1  # seconds after which what has been waited for is looked at again
_SILENT: Properties = {"log_level": 0}  # the call that meets an error reports it


class RepeatedLineFilter(logging.Filter):
    """Passes a line once in `interval` seconds: librdkafka reports a lost broker 20 times a second."""

    interval = 30.0

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line passes. Lines that differ only in their numbers are the same."""
        now, text = time.monotonic(), re.sub(r"\d+", "", record.getMessage())
        if now - self._passed.get(text, -self.interval) < self.interval:
            return False
        self._passed[text] = now
        return True


def librdkafka_logger() -> logging.Logger:
    """Return the logger to which the consumer's librdkafka writes."""
    logger = logging.getLogger("librdkafka")
    logger.addFilter(RepeatedLineFilter())
    return logger


def consumer_properties() -> Properties:
    """Return the properties of a member of the consumer group. Only our own calls commit offsets."""
    defaults: Properties = {
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 1_000,  # a member hears of a rebalance by its next heartbeat
        "queued.max.messages.kbytes": 16_384,  # fetched ahead; librdkafka's own default is 64 MB
    }
    if settings().kafka.get("group.protocol") == "consumer":
        del (
            defaults["session.timeout.ms"],
            defaults["heartbeat.interval.ms"],
        )  # the broker sets them (KIP-848)
    fixed: Properties = {
        "group.id": settings().kafka_group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
    }
    return {**defaults, **_without_producers_own(settings().kafka), **fixed}


def _without_producers_own(properties: Mapping[str, str]) -> Properties:
    """Return them without what a small broker wants of producers: librdkafka warns of it elsewhere."""
    return {name: value for name, value in properties.items() if name != "enable.idempotence"}


def dlq_reader_properties() -> Properties:
    """Return the properties of the DLQ's reader, which assigns itself partitions and sees where they end."""
    fixed: Properties = {
        "group.id": f"{settings().kafka_group_id}.dlq-replay",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    return {**_SILENT, "auto.offset.reset": "earliest", **settings().kafka, **fixed}


def producer_properties() -> Properties:
    """Return the properties of a producer of few, single messages.

    It is idempotent only where KAFKA_CONFIG__ENABLE_IDEMPOTENCE asks for it: small brokers don't support it,
    and at worst a message is there twice. Each message is a batch of its own, so that a large one is not
    refused together with its neighbours; one batch is in flight at a time, so that messages keep their order.
    The broker, not the client, decides what is too large.
    """
    defaults: Properties = {
        "acks": "all",
        "enable.idempotence": False,
        "message.timeout.ms": 20_000,
        "message.max.bytes": 100_000_000,
        "max.in.flight.requests.per.connection": 1,
    }
    return {**_SILENT, **defaults, **settings().kafka, "batch.num.messages": 1}


def event_producer_properties(timeout: float) -> Properties:
    """Return the properties of the producer of events: each is confirmed within so many seconds, or fails.

    It is idempotent unless KAFKA_CONFIG__ENABLE_IDEMPOTENCE says otherwise: small brokers don't support it.
    Batches are small enough for topics that take less than is usual.
    """
    defaults: Properties = {
        "acks": "all",
        "enable.idempotence": True,
        "batch.size": 262_144,
        "message.timeout.ms": round(1_000 * timeout),
        "max.in.flight.requests.per.connection": 5,
    }
    return {**_SILENT, **defaults, **settings().kafka}


def dead_letter_topic(topic: str) -> str:
    """Return the name of the topic's DLQ: the topic for its messages that can't be accepted."""
    return f"{topic}.dlq"


def ensure_topics() -> None:
    """Create each topic and its DLQ where they are missing; log a warning where that is not possible."""
    partitions: dict[str, int] = {}
    for topic in settings().kafka_topics:
        partitions |= {topic: settings().kafka_partitions, dead_letter_topic(topic): 1}
    _create(partitions, "the consumer keeps trying")


def create_topic(topic: str) -> None:
    """Create the topic where it is missing; log a warning where that is not possible."""
    _create({topic: settings().kafka_partitions}, "events wait until it can")


def _create(partitions: Mapping[str, int], until_then: str) -> None:
    said: list[KafkaError] = []

    def warn(error: KafkaError) -> None:
        """Say at once what is wrong with the connection, and once: what comes first is the cause."""
        if not said:
            log.warning(
                f"Kafka can't be reached; {until_then}."
                " Check that the broker runs, KAFKA_BROKER_URL and KAFKA_CONFIG__…",
                reason=error.str(),
            )
        said.append(error)

    properties: dict[str, Any] = {**_SILENT, **settings().kafka, "error_cb": warn}
    admin = AdminClient(properties)
    wanted = [NewTopic(topic, number, -1) for topic, number in partitions.items()]  # -1: the broker's default
    created = admin.create_topics(wanted, operation_timeout=TOPIC_TIMEOUT, request_timeout=TOPIC_TIMEOUT)
    while not all(each.done() for each in created.values()):
        admin.poll(_POLL)
    for topic, each in created.items():
        if (error := each.exception()) is None:
            log.info("created the topic", topic=topic)
        elif not isinstance(error, KafkaException):
            raise error
        elif error.args[0].code() < 0:  # librdkafka's own: no broker has answered
            warn(error.args[0])
        else:
            _warn_of_refusal(topic, error.args[0])


def _warn_of_refusal(topic: str, error: KafkaError) -> None:
    if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
        words = "could not create the topic; create it by hand if it does not exist"
        log.warning(words, topic=topic, reason=error.str())

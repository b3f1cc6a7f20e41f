"""librdkafka's properties, and the topics that must be there."""

import logging
import re
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from app.core.config import Settings
from app.core.logging import get_logger

log = get_logger("kafka")

Properties = dict[str, str | int | bool]
_QUIET: Properties = {"log_level": 0}  # what goes wrong is told by the call that needed it


class Sparing(logging.Filter):
    """Lets a line pass once in `interval` seconds: librdkafka tells of a lost broker 20 times a second."""

    interval = 30.0

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Lines that differ in numbers only are the same."""
        now, text = time.monotonic(), re.sub(r"\d+", "", record.getMessage())
        if now - self._passed.get(text, -self.interval) < self.interval:
            return False
        self._passed[text] = now
        return True


def librdkafka_logger() -> logging.Logger:
    """Where the consumer's client library writes."""
    logger = logging.getLogger("librdkafka")
    logger.addFilter(Sparing())
    return logger


def consumer_properties(config: Settings) -> Properties:
    """A member of the consumer group: only this program says what is done, offset by offset."""
    usual: Properties = {
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 1_000,  # it is by a heartbeat that a member hears of another one
        "queued.max.messages.kbytes": 16_384,  # fetched ahead; librdkafka's own default is 64 MB
    }
    if config.kafka.get("group.protocol") == "consumer":
        del usual["session.timeout.ms"], usual["heartbeat.interval.ms"]  # the broker sets them (KIP-848)
    ours: Properties = {
        "group.id": config.kafka_group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
    }
    return {**usual, **config.kafka, **ours}


def reader_properties(config: Settings, group: str) -> Properties:
    """A reader that assigns itself its partitions and is told where they end."""
    ours: Properties = {"group.id": group, "enable.auto.commit": False, "enable.partition.eof": True}
    return {**_QUIET, "auto.offset.reset": "earliest", **config.kafka, **ours}


def producer_properties(config: Settings) -> Properties:
    """A producer for few, single messages.

    Not idempotent unless it is asked for: small brokers can't, and at worst a letter is there twice.
    One message a batch, so that a large one is not refused together with its neighbours, and one batch at a
    time, so that they keep their order; the broker, not the client, says what is too large.
    """
    usual: Properties = {
        "acks": "all",
        "enable.idempotence": False,
        "message.timeout.ms": 20_000,
        "message.max.bytes": 100_000_000,
        "max.in.flight.requests.per.connection": 1,
    }
    return {**_QUIET, **usual, **config.kafka, "batch.num.messages": 1}


def dead_letter_topic(config: Settings) -> str:
    """Where the messages go that can't be accepted."""
    return f"{config.kafka_dns_topic}.dlq"


def ensure_topics(config: Settings) -> None:
    """Create the topic and its dead-letter topic where they are missing; log it when that may not be."""
    admin = AdminClient({**_QUIET, **config.kafka})
    wanted = [
        NewTopic(config.kafka_dns_topic, config.kafka_partitions, -1),  # -1: the broker's default
        NewTopic(dead_letter_topic(config), 1, -1),
    ]
    for topic, created in admin.create_topics(wanted, operation_timeout=10, request_timeout=10).items():
        try:
            created.result()
            log.info("created the topic", topic=topic)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                log.warning("could not create the topic", topic=topic, reason=error.args[0].str())

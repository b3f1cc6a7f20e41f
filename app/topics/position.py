"""Where a message stands, and the idempotency key that follows from that."""

from hashlib import sha256
from typing import NamedTuple, Self

from confluent_kafka import Message

KEY_HEADER = "idempotency-key"
MAX_KEY = 255  # characters, as the API allows
Partition = tuple[str, int]  # topic and number


class TopicPartitionOffset(NamedTuple):
    """The position of a message, written `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return the position that the broker gave the message."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return cls(topic, partition, offset)

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


def key_of_position(position: str, timestamp: str) -> str:
    """Return the key of a message that has none of its own; a long topic's name is hashed."""
    key = f"{position}:{timestamp}"
    if len(key) <= MAX_KEY:
        return key
    topic, _, rest = key.partition(":")
    return f"{sha256(topic.encode()).hexdigest()}:{rest}"

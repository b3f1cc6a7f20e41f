"""A message in hand, read as far as the consumer reads it."""

from typing import NamedTuple, Self

from confluent_kafka import Message

from app.kafka.message import Place, UnreadableMessage, to_item

Partition = tuple[str, int]  # topic and number
_OVERHEAD = 1_000  # bytes that a message in hand takes besides its value and its item, roughly


class Entry(NamedTuple):
    """A message, and the item of the batch call that it becomes, or why it cannot become one."""

    message: Message
    partition: Partition
    offset: int
    size: int  # memory that it takes, in bytes, roughly
    item: bytes | None
    error: str

    @classmethod
    def of(cls, message: Message, max_item: int) -> Self:
        """Read the message; an item has at most `max_item` bytes."""
        place = Place.of(message)
        item, error = _read(message, max_item)
        size = _OVERHEAD + len(message.value() or b"") + len(item or b"")
        return cls(message, place[:2], place.offset, size, item, error)


def _read(message: Message, max_item: int) -> tuple[bytes | None, str]:
    try:
        return to_item(message, max_item), ""
    except UnreadableMessage as unreadable:
        return None, f"{unreadable.code}: {unreadable}"

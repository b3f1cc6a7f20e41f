"""The messages that the consumer has received and that are in no batch yet."""

from collections import deque
from collections.abc import Container

from app.kafka.message import BufferedMessage
from app.topics.position import Partition


class MessageBuffer:
    """Messages by partition, in their order, in about `limit` bytes of memory at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._full = False
        self._messages: dict[Partition, deque[BufferedMessage]] = {}

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def full(self) -> bool:
        """Whether nothing should be added for now: from the limit on, until half of it is free again."""
        self._full = self._size >= (self._limit / 2 if self._full else self._limit)
        return self._full

    def add(self, message: BufferedMessage) -> None:
        """Append a message to its partition."""
        self._messages.setdefault(message.partition, deque()).append(message)
        self._size += message.size

    def take(self, number: int, busy: Container[Partition]) -> list[BufferedMessage]:
        """Remove and return up to `number` messages of partitions that are not busy.

        Partitions take turns: one from which messages were taken is the last to be looked at again.
        """
        taken: list[BufferedMessage] = []
        for partition in [each for each in self._messages if each not in busy]:
            if len(taken) == number:
                break
            messages = self._messages.pop(partition)
            taken += [messages.popleft() for _ in range(min(number - len(taken), len(messages)))]
            if messages:
                self._messages[partition] = messages
        self._size -= sum(message.size for message in taken)
        return taken

    def drop_partitions(self, partitions: Container[Partition]) -> int:
        """Remove the messages of these partitions; return their number."""
        dropped = [self._messages.pop(each) for each in list(self._messages) if each in partitions]
        self._size -= sum(message.size for messages in dropped for message in messages)
        return sum(map(len, dropped))

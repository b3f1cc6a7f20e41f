"""Messages in hand that no batch has taken up yet."""

from collections import deque
from collections.abc import Container

from app.kafka.entry import Entry, Partition


class Backlog:
    """Messages by partition, in their order, in about `limit` bytes of memory at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._full = False
        self._waiting: dict[Partition, deque[Entry]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def full(self) -> bool:
        """Nothing should be added for now: from the limit on, until half of it is free again."""
        self._full = self._size >= (self._limit / 2 if self._full else self._limit)
        return self._full

    def add(self, entry: Entry) -> None:
        """Put a message behind the others of its partition."""
        self._waiting.setdefault(entry.partition, deque()).append(entry)
        self._size += entry.size

    def take(self, number: int, busy: Container[Partition]) -> list[Entry]:
        """Up to so many messages of partitions that are not busy; one that was served goes last."""
        taken: list[Entry] = []
        for partition in [each for each in self._waiting if each not in busy]:
            if len(taken) == number:
                break
            waiting = self._waiting.pop(partition)
            taken += [waiting.popleft() for _ in range(min(number - len(taken), len(waiting)))]
            if waiting:
                self._waiting[partition] = waiting
        self._size -= sum(entry.size for entry in taken)
        return taken

    def drop(self, partitions: Container[Partition]) -> int:
        """Forget the messages of these partitions; returns how many they were."""
        gone = [self._waiting.pop(partition) for partition in list(self._waiting) if partition in partitions]
        self._size -= sum(entry.size for waiting in gone for entry in waiting)
        return sum(map(len, gone))

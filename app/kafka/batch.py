"""A batch: messages that are submitted to the API together."""

import time
from collections.abc import Collection, Sequence
from threading import Event

from app.kafka.message import BufferedMessage
from app.topics.position import Partition


class Batch:
    """A batch in flight. One thread processes it; another may drop partitions from it or cancel it."""

    def __init__(self, messages: Sequence[BufferedMessage]) -> None:
        self._messages = messages
        self._partitions = frozenset(message.partition for message in messages)
        self._cancelled = Event()
        self.started = time.monotonic()
        self.waiting = False  # between two tries
        self.done = False  # the API has decided on each message, and the dead letters are in the DLQ
        self.accepted = 0  # messages that became requests; valid once `done`, like the next two
        self.replayed = 0  # messages whose requests existed already
        self.dead_letters = 0

    @property
    def partitions(self) -> frozenset[Partition]:
        """The partitions whose messages it holds."""
        return self._partitions

    @property
    def messages(self) -> list[BufferedMessage]:
        """The messages that it holds, those of each partition in their order."""
        partitions = self._partitions
        return [message for message in self._messages if message.partition in partitions]

    @property
    def next_offsets(self) -> dict[Partition, int]:
        """The offsets to commit once it is done: in each partition, the one after its last message."""
        return {message.partition: message.offset + 1 for message in self.messages}

    @property
    def cancelled(self) -> bool:
        """Whether the current try is the last one."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Make the current try the last one."""
        self._cancelled.set()

    def drop_partitions(self, partitions: Collection[Partition]) -> int:
        """Drop the messages of these partitions, return their number; cancel the batch if none are left."""
        before = len(self.messages)
        self._partitions = self._partitions.difference(partitions)
        if not self._partitions:
            self.cancel()
        return before - len(self.messages)

    def wait_for_retry(self, pause: float) -> bool:
        """Wait `pause` seconds, or until the batch is cancelled; return whether to try again."""
        self.waiting = True
        cancelled = self._cancelled.wait(pause)
        self.waiting = False
        return not cancelled

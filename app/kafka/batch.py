"""Messages that go to the API together."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from threading import Event

from app.kafka.dlq.producer import DeadLetter
from app.kafka.entry import Entry, Partition


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many messages the API accepted, or knew already, and the letters for the others."""

    accepted: int
    replayed: int
    letters: Sequence[DeadLetter]


class Batch:
    """A batch on its way: one thread works it off, another may take partitions from it or call it off."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._held = frozenset(entry.partition for entry in entries)
        self._over = Event()
        self.began = time.monotonic()
        self.trips = 0  # tries in a row that failed because the API tripped (500)
        self.verdict: Verdict | None = None
        self.done = False  # decided, and the dead letters are delivered
        self.resting = False  # some part is away

    @property
    def partitions(self) -> frozenset[Partition]:
        """Those whose messages it holds."""
        return self._held

    @property
    def entries(self) -> list[Entry]:
        """The messages that it holds, each partition's in their order."""
        held = self._held
        return [entry for entry in self._entries if entry.partition in held]

    @property
    def ends(self) -> dict[Partition, int]:
        """Where each of its partitions goes on after it."""
        return {entry.partition: entry.offset + 1 for entry in self.entries}

    @property
    def called_off(self) -> bool:
        """There is no other try."""
        return self._over.is_set()

    def call_off(self) -> None:
        """Let it end with the try that is under way."""
        self._over.set()

    def leave(self, partitions: Collection[Partition]) -> int:
        """Let go of these partitions' messages; returns how many they were."""
        before = len(self.entries)
        self._held = self._held.difference(partitions)
        if not self._held:
            self.call_off()
        return before - len(self.entries)

    def rest(self, pause: float) -> bool:
        """Wait so many seconds; whether there is to be another try."""
        self.resting = True
        over = self._over.wait(pause)
        self.resting = False
        return not over

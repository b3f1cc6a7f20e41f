"""What clients asked for, and what they were told."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from tests.support.zone_model import Asked


@dataclass(frozen=True)
class Item:
    """One change of a call, and the idempotency key by which it is found again."""

    key: str
    zone: str
    asked: Asked


@dataclass
class Call:
    """A call of the API, or a message of Kafka: what was asked for, and what was answered to it."""

    lane: str  # who asked: its calls follow one another
    account: str
    items: Sequence[Item]
    atomic: bool = False
    began: float = field(default_factory=time.monotonic)
    accepted: float | None = None  # when the client was told so; of a message, when the broker had it
    ids: Sequence[str] = ()  # of the requests, as they were told first; a message is told none
    said: list[str] = field(default_factory=list)  # each answer: its status, or what came instead of it
    finals: dict[str, str] = field(default_factory=dict)  # by id: the final status that was told
    contradictions: list[str] = field(default_factory=list)


class Journal:
    """All calls of a row, in the order in which they began. Several threads write to it."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = Lock()

    def note(self, call: Call) -> None:
        """Note a call that begins now."""
        with self._lock:
            self._calls.append(call)

    def calls(self) -> list[Call]:
        """Return the calls so far."""
        with self._lock:
            return list(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls())

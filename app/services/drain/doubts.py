"""What the primary has taken and answers otherwise: the drain asks it again until that is certain.

A policy that drops a change, or lowers its TTL, without a word shows at once. So does a server that applies
what it has taken a moment later, or answers from a cache: which of them it is, a second or two tell.
"""

import time
from collections.abc import Iterable, Mapping
from uuid import UUID

from app.core.config import settings
from app.domain.change import ChangeResult
from app.domain.retry_policy import ASK_PRIMARY
from app.domain.settlement import Decision
from app.store.queue import Item


class Doubts:
    """The requests of one drain that the primary contradicts, and which primary that is."""

    def __init__(self) -> None:
        self.taker: str | None = None  # the primary that was sent the last run, where there are several
        self._since: dict[UUID, float] = {}  # on the monotonic clock
        self._names: dict[UUID, str] = {}
        self._pause = ASK_PRIMARY.first

    def __bool__(self) -> bool:
        return bool(self._since) and time.monotonic() - min(self._since.values()) < ASK_PRIMARY.longest

    @property
    def names(self) -> set[str]:
        """The owner names of the requests."""
        return set(self._names.values())

    def note_taker(self, results: Iterable[ChangeResult | None]) -> None:
        """Note to which of several primaries a run has sent its changes."""
        self.taker = next((each.server for each in results if each and each.server), self.taker)

    def note(self, items: Iterable[Item], decisions: Mapping[UUID, Decision]) -> None:
        """Note which of the requests the primary contradicts, and since when."""
        for item in items:
            if decisions[item.id].doubtful:
                self._since.setdefault(item.id, time.monotonic())
                self._names[item.id] = item.change.name
            elif self._since.pop(item.id, None) is not None:
                del self._names[item.id]

    def is_overdue(self, item: Item) -> bool:
        """Return whether the primary has had its time to answer what it has taken."""
        since = self._since.get(item.id)
        if since is None:
            return item.primary_overdue
        return time.monotonic() - since >= settings().primary_deadline

    def pause(self) -> float:
        """Return how many seconds to wait before the primary is asked again; grows."""
        left = min(self._since.values()) + settings().primary_deadline - time.monotonic()
        pause, self._pause = self._pause, self._pause * 2
        return max(0.0, min(pause, left))

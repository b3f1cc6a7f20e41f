"""From which id on events are looked for.

A long snapshot keeps deleted events in the index, and whoever looked from its beginning would pass them all
over each time. What has a lower id than an event that was published may still be on its way to its commit.
So the floor follows once every transaction is over that wrote events at that time.
"""

from collections.abc import Collection


class Floor:
    """The floor of one listener: no event that is not published has a smaller id."""

    def __init__(self, floor: int) -> None:
        self.value = floor
        self._highest = floor  # of the ids that were taken, and one more
        self._next = floor
        self._writers: set[str] | None = None  # who wrote events when `_next` was noted; None: nobody asked
        self._can_rise = False

    @property
    def may_rise(self) -> bool:
        """Whether to say who writes events."""
        return self._highest > self.value

    def note_writers(self, writers: Collection[str]) -> None:
        """Say who writes events now. Call it after one `note_taken`, and before the next events are taken."""
        if self._writers is None:
            self._writers = set(writers)
        else:
            self._writers &= set(writers)
        self._can_rise = not self._writers

    def note_taken(self, first: int | None, last: int | None) -> None:
        """Say which ids the first and the last event have that were taken from the floor on; None: none."""
        if self._can_rise:
            self.value = self._next if first is None else min(first, self._next)
            self._writers, self._can_rise = None, False
        if last is not None:
            self._highest = max(self._highest, last + 1)
        if self._writers is None:
            self._next = self._highest

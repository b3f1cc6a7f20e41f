"""Failed tries to authenticate, by their sources: after some of them a source has to wait.

Only failed tries are slowed down. Who shows a token that is good is never kept waiting for what others do
behind the same address.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

TRIES = 10  # in one window
WINDOW = 60.0  # seconds
MAX_SOURCES = 10_000  # that are remembered: those that tried last


class FailedTries:
    """How many tries of each source have failed lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many

    def __len__(self) -> int:
        return len(self._sources)

    def wait_of(self, source: str) -> float:
        """Return how many seconds the source has to wait now; 0: none."""
        since, number = self._sources.get(source, (0.0, 0))
        return max(0.0, since + WINDOW - self._clock()) if number >= TRIES else 0.0

    def note(self, source: str) -> float:
        """Note one more. Return how many seconds the source has to wait now; 0: none."""
        now = self._clock()
        since, number = self._sources.pop(source, (now, 0))
        if now - since >= WINDOW:
            since, number = now, 0
        self._sources[source] = (since, number + 1)
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)
        return 0.0 if number < TRIES else since + WINDOW - now

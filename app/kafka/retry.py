"""Trouble that passes: try again later, after growing pauses."""

import random

FIRST_PAUSE = 0.5  # seconds
LONGEST_PAUSE = 30.0
LONGEST_RETRY_AFTER = 300.0


class TryLater(Exception):
    """Nothing is wrong with the messages; some other part is away. `retry_after` is in seconds."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Tripped(TryLater):
    """The API made a mistake (500): passing trouble too, unless it is always over the same message."""


class Pauses:
    """Pauses that double from one failure to the next, with jitter so that consumers don't come in step."""

    def __init__(self) -> None:
        self._failures = 0

    def next(self, retry_after: float | None = None) -> float:
        """The seconds to wait now: what the server asked for, or half to all of the doubled pause."""
        full = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 16))
        self._failures += 1
        if retry_after is not None:
            return min(retry_after, LONGEST_RETRY_AFTER)
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - nothing secret

    def reset(self) -> None:
        """Start with the shortest pause again."""
        self._failures = 0

"""Exponential back-off: pauses between tries that grow with each failure in a row."""

import random
from dataclasses import dataclass

_MOST_DOUBLINGS = 16  # keeps the power finite; every pause has reached its longest by then


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double from `first` up to `longest`, both in seconds.

    Each pause is shortened at random by up to the share `jitter` (0 to 1), so that many waiters do not return
    at the same moment.
    """

    first: float
    longest: float
    jitter: float = 0.0

    def pause(self, failures: int) -> float:
        """Return the seconds to wait when `failures` tries in a row have failed before the last one."""
        doubled = min(self.longest, self.first * 2.0 ** min(failures, _MOST_DOUBLINGS))
        return doubled * random.uniform(1 - self.jitter, 1)  # noqa: S311 - nothing secret

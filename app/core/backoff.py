"""Pauses: between tries, growing with each failure in a row, and after work that is done again and again."""

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


def pause_after(took: float, share: float, *, least: float, longest: float) -> float:
    """Return the seconds to pause after work that took so many, for it to take at most `share` of the time.

    The pause is `least` seconds at least. For the sake of the share it is `longest` seconds at most: the work
    may have waited for a part that stood still.
    """
    return max(least, min(longest, took / share))

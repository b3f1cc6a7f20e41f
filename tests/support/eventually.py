"""Waiting for something that another process, or another thread, does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_GROWTH = 1.5


def eventually(
    look: Callable[[], T | None], limit: float = 120.0, pause: float = 0.1, first: float = 0.01
) -> T:
    """Call `look` until it returns something true, and return that.

    The pauses between two calls begin with `first` and grow up to `pause` seconds. Raises AssertionError,
    with the last value, when nothing true was returned within `limit` seconds.
    """
    deadline = time.monotonic() + limit
    current = min(first, pause)
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {limit:.0f} s; the last value was {seen!r}"
        time.sleep(current)
        current = min(current * _GROWTH, pause)
    return seen

"""Waiting for what takes its time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], limit: float = 120.0, pause: float = 0.1) -> T:
    """Look again and again until what is seen is true; give up after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {limit:.0f} s; the last look showed {seen!r}"
        time.sleep(pause)
    return seen

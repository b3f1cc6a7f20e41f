"""Empty and full tables in turns: what one way takes on each, and how much more on the full ones."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

_WARM_UP = 12  # rounds: the driver prepares statements, then PostgreSQL makes one plan for all executions


class Taken(NamedTuple):
    """What one turn took, in seconds."""

    time: float
    processor: float  # of PostgreSQL's process: what else runs on the machine adds little to it


Turn = Callable[[], Taken]


def timed(way: Callable[[], None], backend: int) -> Taken:
    """Call it once; `backend` is the number of PostgreSQL's process that it keeps busy."""
    before, began = _processor(backend), time.perf_counter()
    way()
    took = time.perf_counter() - began
    return Taken(took, _processor(backend) - before)


def in_turns(empty: Turn, full: Turn, rounds: int) -> tuple[list[Taken], list[Taken]]:
    """Return what both took in each round. Each is the first one in every second round: it may leave work to
    the other, such as pages to write."""
    taken: dict[Turn, list[Taken]] = {empty: [], full: []}
    for number in range(_WARM_UP + rounds):
        for turn in (empty, full) if number % 2 else (full, empty):
            took = turn()
            if number >= _WARM_UP:
                taken[turn].append(took)
    return taken[empty], taken[full]


def ratio(empty: Sequence[float], full: Sequence[float]) -> float:
    """Return the median of the rounds' ratios: what changes from one round to the next is in both parts."""
    return median(more / less for less, more in zip(empty, full, strict=True))


def _processor(process: int) -> float:
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9

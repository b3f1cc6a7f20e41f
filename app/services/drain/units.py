"""Units: what a run has whole or not at all, and how many requests may be in one run with it."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from app.core.config import settings
from app.store.queue import Item

_SHRINK_FACTOR = 22  # of a batch, for each lost run of its requests after the first: 10,000, 454, 20, 1


def units(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield what is all or none: each group, and each request that is in none."""
    for _, unit in groupby(items, key=lambda item: item.change.group or item.id):
        yield list(unit)


def max_batch_with(item: Item) -> int:
    """Return how many requests may be in a run with this one: few where its runs were lost."""
    lost_again = max(0, item.lost_runs - 1)
    return max(1, settings().batch_limit // int(_SHRINK_FACTOR**lost_again))

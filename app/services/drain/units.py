"""Units: what a run has whole or not at all, and how many requests may be in one run with it."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from app.core.config import settings
from app.domain.retry_policy import SHRINK_BATCH
from app.store.queue import Item


def units(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield what is all or none: each group, and each request that is in none."""
    for _, unit in groupby(items, key=lambda item: item.change.group or item.id):
        yield list(unit)


def max_batch_with(item: Item) -> int:
    """Return how many requests may be in a run with this one: few where its runs were lost."""
    lost_again = max(0, item.lost_runs - 1)
    return max(1, settings().batch_limit // int(SHRINK_BATCH**lost_again))

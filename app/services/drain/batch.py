"""Which of a zone's pending requests share the next run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from app.core.config import settings
from app.domain.change import RRsetKey
from app.store.queue import Item

PROBE_CANDIDATES = 1_000  # pending requests among which the one to probe with is chosen
_SHRINK_FACTOR = 22  # of a batch, for each lost run of its requests after the first: 10,000, 454, 20, 1


def first_batch(pending: Sequence[Item], *, probe: bool) -> Sequence[Item]:
    """Return the requests for the next run, without those that wait and those behind them.

    A probe is one request: one that was in the fewest lost runs, so that a request which breaks every run
    does not keep the others from being tried. Requests whose runs were lost twice or more go into ever
    smaller batches among themselves, so that the one to blame is found.
    """
    ready = _ready(pending)
    if not ready:
        return ready
    if probe:
        first_of_rrset = {item.change.key: item for item in reversed(ready)}
        return [min(reversed(first_of_rrset.values()), key=lambda item: item.lost_runs)]
    limit = _max_batch_with(ready[0])
    return list(takewhile(lambda item: _max_batch_with(item) == limit, ready))[:limit]


def behind_waiting(pending: Sequence[Item]) -> Mapping[UUID, datetime]:
    """Return the requests that are ready but behind one of their RRset that waits, and until when it does."""
    waiting: dict[RRsetKey, datetime] = {}
    behind: dict[UUID, datetime] = {}
    for item in pending:
        if item.waits_until is not None:
            waiting[item.change.key] = item.waits_until
        elif item.change.key in waiting:
            behind[item.id] = waiting[item.change.key]
    return behind


def _ready(pending: Sequence[Item]) -> Sequence[Item]:
    waiting = {item.change.key for item in pending if item.waits_until is not None}
    return [item for item in pending if item.change.key not in waiting] if waiting else pending


def _max_batch_with(item: Item) -> int:
    lost_again = max(0, item.lost_runs - 1)
    return max(1, settings().batch_limit // int(_SHRINK_FACTOR**lost_again))

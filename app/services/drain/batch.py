"""Which of a zone's pending requests share the next run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

from app.domain.change import RRsetKey
from app.services.drain.shares import fair_batch
from app.services.drain.units import max_batch_with, units
from app.store.queue import Item

PROBE_CANDIDATES = 1_000  # pending requests among which the one to probe with is chosen


class Batch(NamedTuple):
    """The requests of a run, in the order of their acceptance, and who comes first in the run after it."""

    items: Sequence[Item]
    next_account: str


def first_batch(pending: Sequence[Item], limit: int, *, probe: bool = False, next_account: str = "") -> Batch:
    """Return at most `limit` requests for the next run, without those that wait and those behind them.

    A probe is one request: one that was in the fewest lost runs, so that a request which breaks every run
    does not keep the others from being tried. Requests whose runs were lost twice or more go into ever
    smaller batches among themselves, so that the one to blame is found. Those of a group count as one.

    Where not all that is pending fits into one run, each account has its share of it (shares.py).
    """
    ready = _ready(pending)
    if not ready:
        return Batch(ready, next_account)
    if probe:
        first = min(_first_of_rrsets(ready), key=lambda unit: unit[0].lost_runs)
        return Batch(first, next_account)
    oldest = _oldest(ready, limit)
    if len(oldest) == len(ready) or len({item.account_id for item in ready}) == 1:
        return Batch(oldest, next_account)
    batch, after = fair_batch(ready, limit, next_account)
    return Batch(batch or oldest, after)


def _oldest(ready: Sequence[Item], limit: int) -> Sequence[Item]:
    most = max_batch_with(ready[0])
    number = sum(1 for _ in takewhile(lambda item: max_batch_with(item) == most, ready[: min(limit, most)]))
    return ready[: _whole_groups(ready, number)]


def behind_waiting(pending: Sequence[Item]) -> Mapping[UUID, datetime]:
    """Return the requests that are ready but behind one that waits, and until when it does.

    They are of the same RRset, or of the same group as one that is.
    """
    if all(item.waits_until is None for item in pending):
        return {}
    waiting: dict[RRsetKey, datetime] = {}
    behind: dict[UUID, datetime] = {}
    for unit in units(pending):
        known = [item.waits_until or waiting.get(item.change.key) for item in unit]
        until = max((each for each in known if each is not None), default=None)
        if until is not None:
            waiting |= {item.change.key: until for item in unit}
            behind |= {item.id: until for item in unit if item.waits_until is None}
    return behind


def _ready(pending: Sequence[Item]) -> Sequence[Item]:
    behind = behind_waiting(pending)
    return [item for item in pending if item.waits_until is None and item.id not in behind]


def _first_of_rrsets(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the requests and groups with no other one of their RRsets before them."""
    seen: set[RRsetKey] = set()
    for unit in units(items):
        keys = {item.change.key for item in unit}
        if not keys & seen:
            yield unit
        seen |= keys


def _whole_groups(items: Sequence[Item], number: int) -> int:
    """Return how many items to take, no more than `number` if possible, so that no group is cut."""
    group = items[number - 1].change.group
    if group is None or number == len(items) or items[number].change.group != group:
        return number
    start = next(place for place, item in enumerate(items) if item.change.group == group)
    return start or next(
        (place for place, item in enumerate(items) if item.change.group != group), len(items)
    )

"""Which of a zone's pending requests share the next run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, takewhile
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
    smaller batches among themselves, so that the one to blame is found. Those of a group count as one.
    """
    ready = _ready(pending)
    if not ready:
        return ready
    if probe:
        return min(_first_of_rrsets(ready), key=lambda unit: unit[0].lost_runs)
    limit = _max_batch_with(ready[0])
    number = sum(1 for _ in takewhile(lambda item: _max_batch_with(item) == limit, ready[:limit]))
    return ready[: _whole_groups(ready, number)]


def behind_waiting(pending: Sequence[Item]) -> Mapping[UUID, datetime]:
    """Return the requests that are ready but behind one that waits, and until when it does.

    They are of the same RRset, or of the same group as one that is.
    """
    if all(item.waits_until is None for item in pending):
        return {}
    waiting: dict[RRsetKey, datetime] = {}
    behind: dict[UUID, datetime] = {}
    for unit in _units(pending):
        known = [item.waits_until or waiting.get(item.change.key) for item in unit]
        until = max((each for each in known if each is not None), default=None)
        if until is not None:
            waiting |= {item.change.key: until for item in unit}
            behind |= {item.id: until for item in unit if item.waits_until is None}
    return behind


def _ready(pending: Sequence[Item]) -> Sequence[Item]:
    behind = behind_waiting(pending)
    return [item for item in pending if item.waits_until is None and item.id not in behind]


def _units(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield what is all or none: each group, and each request that is in none."""
    for _, unit in groupby(items, key=lambda item: item.change.group or item.id):
        yield list(unit)


def _first_of_rrsets(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the requests and groups with no other one of their RRsets before them."""
    seen: set[RRsetKey] = set()
    for unit in _units(items):
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


def _max_batch_with(item: Item) -> int:
    lost_again = max(0, item.lost_runs - 1)
    return max(1, settings().batch_limit // int(_SHRINK_FACTOR**lost_again))

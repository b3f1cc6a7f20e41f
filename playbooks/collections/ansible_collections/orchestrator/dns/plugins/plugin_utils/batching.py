"""Splitting what has to be sent into messages, each within what a server takes at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from .change import Change

Item = TypeVar("Item")


def halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Return the two halves of at least two items."""
    middle = len(items) // 2
    return items[:middle], items[middle:]


def split_by_group(changes: Iterable[Change]) -> Iterator[tuple[bool, list[Change]]]:
    """Yield the changes in order, in parts: each group by itself, and what is between them.

    With each part comes whether it is a group, which is carried out whole or not at all.
    """
    parts: list[list[Change]] = []
    groups: dict[str, list[Change]] = {}
    for change in changes:
        if change.group is None:
            if not parts or parts[-1][0].group is not None:
                parts.append([])
            parts[-1].append(change)
        elif change.group in groups:
            groups[change.group].append(change)
        else:
            groups[change.group] = [change]
            parts.append(groups[change.group])
    for part in parts:
        yield len(part) > 1 and part[0].group is not None, part


class Load(NamedTuple):
    """How much of a message an item takes, or how much one message may hold."""

    octets: int
    changes: int


def split_by_load(
    items: Iterable[Item], load_of: Callable[[Item], Load], limit: Load
) -> Iterator[list[Item]]:
    """Yield the items in order, in lists that are within the limit; an item that exceeds it is alone."""
    batch: list[Item] = []
    octets = changes = 0
    for item in items:
        load = load_of(item)
        if batch and (octets + load.octets > limit.octets or changes + load.changes > limit.changes):
            yield batch
            batch, octets, changes = [], 0, 0
        batch.append(item)
        octets += load.octets
        changes += load.changes
    if batch:
        yield batch

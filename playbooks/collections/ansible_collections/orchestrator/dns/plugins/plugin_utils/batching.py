"""Packets: what goes to a server together, within what it takes at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

Each = TypeVar("Each")


class Load(NamedTuple):
    """How much something is, or how much there may be at most."""

    octets: int
    changes: int


def packets(each: Iterable[Each], load: Callable[[Each], Load], most: Load) -> Iterator[list[Each]]:
    """Yield all in order, in packets of at most so much; what is more by itself comes alone."""
    packet: list[Each] = []
    octets = changes = 0
    for one in each:
        more = load(one)
        if packet and (octets + more.octets > most.octets or changes + more.changes > most.changes):
            yield packet
            packet, octets, changes = [], 0, 0
        packet.append(one)
        octets += more.octets
        changes += more.changes
    if packet:
        yield packet

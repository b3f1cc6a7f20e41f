"""Which changes keep the order in which they were accepted, whoever has asked for them."""

from itertools import takewhile
from typing import NamedTuple

from app.domain.change import Change
from app.domain.consequences import targets
from app.domain.names import is_below, lineage


class Tie(NamedTuple):
    """A name at which earlier changes are applied before another change."""

    name: str
    record_type: str | None = None  # only those of this type; None: all


def ties(change: Change) -> set[Tie]:
    """Return the names at which what was accepted earlier is applied before this change.

    They are its own, those of the zone's hosts that it points to, and those above it where a DNAME changes
    (RFC 6672 2.4), but for the apex. A change of a DNAME is tied to all names below its own, too, which are
    not returned.
    """
    apex = change.apex
    hosts = (host for host in targets(change) if host == apex or is_below(host, apex))
    at_and_above = takewhile(lambda name: name != apex, lineage(change.name))
    return {Tie(name) for name in (change.name, *hosts)} | {Tie(name, "DNAME") for name in at_and_above}


class LeftBehind:
    """Changes of one zone that are left for a later run: others have to stay behind them."""

    def __init__(self) -> None:
        self._ties: set[Tie] = set()

    def add(self, change: Change) -> None:
        """Leave this change for a later run."""
        self._ties |= {Tie(change.name), Tie(change.name, change.type)}

    def hold(self, change: Change) -> bool:
        """Return whether this change, which was accepted later than all of them, has to stay behind one."""
        if not self._ties:
            return False
        if change.type == "DNAME" and any(is_below(tie.name, change.name) for tie in self._ties):
            return True
        return not self._ties.isdisjoint(ties(change))

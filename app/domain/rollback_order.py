"""The order in which RRsets are restored: what depends on what, and what has to make room first.

At most names that is nothing but the removal before the addition. The rest are the rules between RRsets that
servers keep (RFC 1034 3.6.2, RFC 4035 2.4, RFC 6672 2.3 and 2.4), and that a server shows nothing of what a
delegation covers, so that a change of it is best made while there is none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from app.domain.change import RRsetKey
from app.domain.consequences import target_of
from app.domain.inverse import Inverse
from app.domain.names import lineage
from app.domain.zone_key import dns_name

_ADDRESSES = ("A", "AAAA")
_POINTING = frozenset({"MX", "NS", "SRV", "SVCB", "HTTPS"})  # to hosts, which are best there before
_HIDES = ("DNAME", "NS")


def in_order(zone: str, inverses: Mapping[RRsetKey, Inverse]) -> list[RRsetKey]:
    """Return the RRsets of a zone in an order in which the inverses can be applied one after the other.

    What belongs to a name stands together where nothing is against it, and names follow the alphabet. The
    time for it grows with the number of RRsets and of labels above them.
    """
    starts = sorted(inverses, key=lambda key: (key.name, bool(inverses[key].restored.rdata), key.type))
    return list(_after_needs(starts, _Needs(zone, inverses).of))


def _after_needs(
    starts: Iterable[RRsetKey], needs: Callable[[RRsetKey], Iterator[RRsetKey]]
) -> Iterator[RRsetKey]:
    """Yield each of these once, after all that it needs; without recursion, since names may be long."""
    entered: dict[RRsetKey, Iterator[RRsetKey]] = {}  # with what is left of its needs
    for start in starts:
        path = [] if start in entered else [start]
        while path:
            left = entered.setdefault(path[-1], needs(path[-1]))
            following = next((each for each in left if each not in entered), None)
            if following is None:
                yield path.pop()
            else:
                path.append(following)


class _Needs:
    """What has to be restored before what.

    There are no circles. A removal needs removals alone: of an address that of what points to it, of anything
    that of a delegation which covers it, of a delegation that of its DS. An addition needs removals, and
    additions: a DS its NS, a delegation what it will cover, what points to a host its addresses, which need
    removals alone.
    """

    def __init__(self, zone: str, inverses: Mapping[RRsetKey, Inverse]) -> None:
        self._apex = dns_name(zone)
        self._removed: dict[str, list[RRsetKey]] = defaultdict(list)  # by name
        self._added: dict[str, list[RRsetKey]] = defaultdict(list)
        self._pointing: dict[str, list[RRsetKey]] = defaultdict(list)  # removed, by the host that they name
        self._below: dict[str, list[str]] = defaultdict(list)  # names below those that will hide them
        for key, inverse in inverses.items():
            (self._added if inverse.restored.rdata else self._removed)[key.name].append(key)
            if key.type in _POINTING and not inverse.restored.rdata:
                for value in inverse.expect.rdata:
                    self._pointing[target_of(value)].append(key)
        self._inverses = inverses
        hiding = {name for name, keys in self._added.items() if any(key.type in _HIDES for key in keys)}
        for name in {key.name for key in inverses} if hiding else ():
            for parent in hiding.intersection(self._above(name)):
                self._below[parent].append(name)

    def of(self, key: RRsetKey) -> Iterator[RRsetKey]:
        """Return what has to be restored before an RRset is."""
        return self._of_addition(key) if self._inverses[key].restored.rdata else self._of_removal(key)

    def _of_removal(self, key: RRsetKey) -> Iterator[RRsetKey]:
        at_name = self._removed[key.name]
        if self._is_cut(key):
            yield from (other for other in at_name if other.type == "DS")
        elif key.type != "DS":
            yield from filter(self._is_cut, at_name)
        yield from self._hiding(key, ("NS",))
        if key.type in _ADDRESSES:
            yield from self._pointing.get(key.name, ())

    def _of_addition(self, key: RRsetKey) -> Iterator[RRsetKey]:
        yield from self._removed[key.name]
        yield from self._hiding(key, _HIDES)
        if key.type == "DS":
            yield from filter(self._is_cut, self._added[key.name])
        below = self._below.get(key.name, ())
        if key.type == "DNAME":
            yield from chain.from_iterable(self._removed[name] for name in below)
        if self._is_cut(key):
            yield from (other for other in self._added[key.name] if other.type not in ("NS", "DS"))
            yield from chain.from_iterable((*self._removed[name], *self._added[name]) for name in below)
        if key.type in _POINTING:
            hosts = map(target_of, self._inverses[key].restored.rdata)
            at_hosts = chain.from_iterable(self._added.get(host, ()) for host in hosts)
            yield from (other for other in at_hosts if other.type in _ADDRESSES)

    def _hiding(self, key: RRsetKey, types: Iterable[str]) -> Iterator[RRsetKey]:
        """Yield the removal of what hides a name: delegations and DNAMEs above it."""
        for parent in self._above(key.name):
            for other in self._removed.get(parent, ()):
                if other.type in types and (other.type == "DNAME" or self._is_cut(other)):
                    yield other

    def _above(self, name: str) -> Iterator[str]:
        if name == self._apex:
            return
        for parent in lineage(name.partition(".")[2]):
            yield parent
            if parent == self._apex:
                return

    def _is_cut(self, key: RRsetKey) -> bool:
        return key.type == "NS" and key.name != self._apex

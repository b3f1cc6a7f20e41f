"""What a plan leaves at zone cuts, where both sides are served here: warnings.

Above a cut are NS, DS and glue, below it the zone's own NS, keys and addresses. These are two zones, changed
by different requests, so they are compared as the whole batch leaves them. What is not on record is unknown.
Both lie in the same view, or one of them in none.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.domain.change import Change, Outcome, RRsetKey
from app.domain.consequences import some_of
from app.domain.effects import Effect, RRset, ZoneRRset
from app.domain.errors import Reason
from app.domain.names import is_below, lineage
from app.domain.places import TARGET
from app.domain.secure_delegation import Keys, compare
from app.domain.views import Views
from app.domain.zone_key import dns_name, view_of

_ADDRESSES = ("A", "AAAA")
_KEYS = ("DNSKEY", "CDNSKEY", "CDS")
_CONCERNED = frozenset({"NS", "DS", *_ADDRESSES, *_KEYS})


def hosts_at_cuts(changes: Iterable[Change], known: Mapping[ZoneRRset, RRset]) -> set[str]:
    """Return the hosts that the delegations which these changes are about name now: they may have glue."""
    cuts = {(change.zone, change.key) for change in changes if _is_cut(change)}
    return {host for cut in cuts if cut in known for host in _hosts(known[cut].rdata)}


def with_delegations(
    effects: Sequence[Effect], known: Mapping[ZoneRRset, RRset], served: Collection[str]
) -> list[Effect]:
    """Return the effects of a batch with further warnings, at the last change of each RRset.

    `known` has what is recorded at the owner names and the names of `hosts_at_cuts`, in all zones.
    `served` are the keys of zones.
    """
    last = {
        (effect.change.zone, effect.change.key): place
        for place, effect in enumerate(effects)
        if effect.change.type in _CONCERNED and effect.planned.outcome != Outcome.FAILED
    }
    found = list(effects)
    if not last:
        return found
    cuts = _Cuts(known, {key: effects[place].after for key, place in last.items()}, served)
    for place in last.values():
        warnings = tuple(cuts.warnings(effects[place].change))
        if warnings:
            found[place] = replace(found[place], warnings=(*found[place].warnings, *warnings))
    return found


class _Cuts:
    """The records before the batch, and those that it changes as it leaves them."""

    def __init__(
        self,
        known: Mapping[ZoneRRset, RRset],
        changed: Mapping[ZoneRRset, RRset | None],
        served: Collection[str],
    ) -> None:
        self._known = known
        self._changed = changed
        self._views = Views(served)

    def warnings(self, change: Change) -> Iterator[Reason]:
        """Yield what the batch leaves unlike on the two sides of the cut that a change is about."""
        zone, view = change.zone, view_of(change.zone)
        above = self._views.known_zone_of(change.apex.partition(".")[2], view)
        below = self._views.known_zone_at(change.name, view)
        if _is_cut(change):
            yield from self._glue_of_cut(change)
            if below is not None:
                yield from self._name_servers(zone, below)
        elif change.type == "NS" and above is not None:
            yield from self._name_servers(above, zone)
        elif change.type == "DS" and below is not None:
            yield from self._keys(zone, below)
        elif change.type in _KEYS and change.name == change.apex and above is not None:
            yield from self._keys(above, zone)
        elif change.type in _ADDRESSES:
            yield from self._addresses(change)

    def _values(self, zone: str, name: str, rdtype: str) -> tuple[str, ...]:
        place = (zone, RRsetKey(name, rdtype))
        rrset = self._changed[place] if place in self._changed else self._known.get(place)
        return rrset.rdata if rrset else ()

    def _was_there(self, zone: str, name: str, rdtype: str) -> bool:
        return (zone, RRsetKey(name, rdtype)) in self._known

    def _has_address(self, zone: str, host: str) -> bool:
        return any(self._values(zone, host, rdtype) for rdtype in _ADDRESSES)

    def _name_servers(self, above: str, zone: str) -> Iterator[Reason]:
        """RFC 1034 4.2.2: the NS on both sides are the same."""
        apex = dns_name(zone)
        theirs, own = self._values(above, apex, "NS"), self._values(zone, apex, "NS")
        if theirs and own and set(theirs) != set(own):
            message = f"the NS of {zone} that are on record in {above} are not those in the zone itself"
            yield Reason(TARGET, "parent_ns_differs", message)

    def _glue_of_cut(self, change: Change) -> Iterator[Reason]:
        """RFC 9471 2: a name server at or below the cut is found by its glue alone."""
        zone, cut = change.zone, change.name
        now = _below_cut(self._values(zone, cut, "NS"), cut)
        missing = [host for host in now if not self._has_address(zone, host)]
        if missing and self._views.known_zone_at(cut, view_of(zone)) is not None:
            message = (
                f'{zone} has no address of {some_of(missing)} on record: ask for that by "zone": "{zone}"'
            )
            yield Reason(TARGET, "glue_missing", message)
        before = self._known.get((zone, change.key))
        gone = _below_cut(before.rdata if before else (), cut) - now
        left = [host for host in gone if self._has_address(zone, host)]
        if left:
            message = f"{zone} still has the address of {some_of(left)}, which no NS of {cut} names any more"
            yield Reason(TARGET, "glue_left_over", message)

    def _keys(self, above: str, zone: str) -> Iterator[Reason]:
        """RFC 4035 5.2: a DS names a key of the zone. Where no key is on record, nothing can be said."""
        apex = dns_name(zone)
        keys = Keys(*(self._values(zone, apex, rdtype) for rdtype in _KEYS))
        if not any(keys) and not any(self._was_there(zone, apex, rdtype) for rdtype in _KEYS):
            return
        found = compare(apex, self._values(above, apex, "DS"), keys)
        if found.without_key:
            end = ", so validators take the zone for forged" if found.is_bogus else ""
            tags = some_of(map(str, found.without_key))
            message = f"{above} has DS for keys that {zone} has not on record: {tags}{end}"
            yield Reason(TARGET, "ds_without_key", message)
        if found.without_ds:
            tags = some_of(map(str, found.without_ds))
            message = f"{above} has no DS on record for these keys of {zone}: {tags}"
            yield Reason(TARGET, "key_without_ds", message)

    def _addresses(self, change: Change) -> Iterator[Reason]:
        """Compare glue with the address in the zone that answers for the name (RFC 2181 5.4.1)."""
        view = view_of(change.zone)
        own = self._views.known_zone_of(change.name, view)
        if own is None:
            return
        parents = lineage(dns_name(own).partition(".")[2])
        at_parents = (self._views.known_zone_at(parent, view) for parent in parents)
        for zone in [change.zone] if change.zone != own else filter(None, at_parents):
            if glue := self._values(zone, change.name, change.type):
                yield from self._glue(change, own, f"{zone} has the glue {some_of(glue)}", set(glue))

    def _glue(self, change: Change, own: str, has_glue: str, glue: set[str]) -> Iterator[Reason]:
        addresses = self._values(own, change.name, change.type)
        if addresses and set(addresses) != glue:
            message = f"{has_glue}, and {own} has {some_of(addresses)} at {change.name}"
            yield Reason(TARGET, "glue_differs", message)
        elif not addresses and self._was_there(own, change.name, change.type):
            message = f"{has_glue} of {change.name}, which has no such address in {own} any more"
            yield Reason(TARGET, "glue_left_over", message)


def _is_cut(change: Change) -> bool:
    return change.type == "NS" and change.name != change.apex


def _hosts(ns: Iterable[str]) -> Iterator[str]:
    return (value.removesuffix(".") for value in ns)


def _below_cut(ns: Iterable[str], cut: str) -> set[str]:
    return {host for host in _hosts(ns) if host == cut or is_below(host, cut)}

"""What planned changes do to other names than their own, as far as the records tell: warnings.

The time for it grows with the number of changes and records, not with their product.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, takewhile

from app.domain.change import Action, Change, Outcome, RRsetKey
from app.domain.effects import Effect, PlannedOutcome, RRset, ZoneRRset
from app.domain.errors import Reason
from app.domain.names import lineage
from app.domain.places import DOMAIN, TARGET
from app.domain.views import Views
from app.domain.zone_key import dns_name, view_of

ACTION = ("action",)

_TO_HOSTS = frozenset({"MX", "NS", "SRV"})  # whose targets are hosts with addresses, and no alias
_POINTING = _TO_HOSTS | {"CNAME", "DNAME", "PTR", "SVCB", "HTTPS"}
_ADDRESSES = frozenset({"A", "AAAA"})
_LEADS_ON = _ADDRESSES | {"CNAME"}
_AT_CUT = frozenset({"NS", "DS"})
_MAX_NAMED = 3  # names that a message lists
_MAX_ASKED = 100  # names about which is asked whether requesters may see them
_OF_OTHERS = "what is not yours to see"

Place = tuple[str, str]  # the key of a zone, and a name
MayName = Callable[[ZoneRRset], bool]


def may_concern_others(change: Change) -> bool:
    """Whether a change can break what points to its name, or hide names below it."""
    if change.type in _LEADS_ON:
        return change.action is not Action.CREATE
    return change.action is not Action.DELETE and change.type in ("NS", "DNAME")


def targets(change: Change) -> list[str]:
    """Return the hosts that a change makes its owner name point to."""
    if change.action is Action.DELETE or change.type not in _TO_HOSTS:
        return []
    return [host for value in change.rdata if (host := target_of(value))]


def with_consequences(
    effects: Iterable[Effect],
    known: Mapping[ZoneRRset, RRset],
    served: Collection[str],
    may_name: MayName | None = None,
) -> list[Effect]:
    """Return the effects of a batch with further warnings; `served` are the keys of the zones of names and
    targets.

    `may_name` says of which RRsets requesters may be told; None: of all.
    """
    state = _State(known, served, may_name)
    return [state.apply(effect) for effect in effects]


class _State:
    """The records as the changes so far leave them."""

    def __init__(
        self, known: Mapping[ZoneRRset, RRset], served: Collection[str], may_name: MayName | None
    ) -> None:
        self._views = Views(served)
        self._may_name = may_name
        self._types: dict[Place, set[str]] = defaultdict(set)
        self._pointing: dict[str, dict[ZoneRRset, None]] = defaultdict(dict)
        self._below: dict[Place, dict[str, None]] = defaultdict(dict)
        self._made: dict[ZoneRRset, set[str]] = defaultdict(set)  # values that earlier changes have set
        self._asked: set[object] = set()
        for (zone, key), rrset in known.items():
            self._note(zone, key, (), rrset.rdata)

    def apply(self, effect: Effect) -> Effect:
        """Return the effect with its warnings, and apply it."""
        change = effect.change
        place = (change.zone, change.name)
        hidden = self._hidden_by(effect)
        warnings = (*effect.warnings, *self._repeated(effect))
        if effect.planned.outcome == Outcome.FAILED:
            return replace(effect, warnings=warnings)
        if hidden and change.type == "DNAME":
            message = f"there is data below {change.name}, which a DNAME would hide: {some_of(hidden)}"
            planned = PlannedOutcome(Outcome.FAILED, "dname_above_data", message)
            return replace(effect, after=effect.before, planned=planned, warnings=warnings)
        was_there = bool(self._types[place])
        before, after = effect.before, effect.after
        self._note(change.zone, change.key, before.rdata if before else (), after.rdata if after else ())
        found = [*self._bad_targets(change), *self._broken(effect), *self._without_parent(change)]
        if not was_there and after is not None:
            found += self._uncovered(change)
        if hidden:
            words = "the delegation hides what is recorded at or below it"
            at = {
                name: [(change.zone, RRsetKey(name, each)) for each in self._types[change.zone, name]]
                for name in hidden
            }
            found.append(self._reason_with_names("hides_names", words, at))
        return replace(effect, warnings=(*warnings, *found))

    def _note(self, zone: str, key: RRsetKey, before: Iterable[str], after: Iterable[str]) -> None:
        types, after = self._types[zone, key.name], set(after)
        types.add(key.type) if after else types.discard(key.type)
        if key.type in _POINTING:
            for value in set(before) - after:
                self._pointing[target_of(value)].pop((zone, key), None)
            for value in after:
                self._pointing[target_of(value)][zone, key] = None
        apex = dns_name(zone)
        for parent in takewhile(lambda name: name != apex, lineage(key.name.partition(".")[2])):
            below = self._below[zone, parent]
            below.update({key.name: None}) if types else below.pop(key.name, None)

    def _bad_targets(self, change: Change) -> Iterator[Reason]:
        """RFC 2181 10.3: what an MX, NS or SRV names has addresses, and is no alias."""
        for host in targets(change):
            zone = self._views.known_zone_of(host, view_of(change.zone))
            types = self._types.get((change.zone, host)) or (zone and self._types.get((zone, host)))
            if types and "CNAME" in types:
                message = f"{host} is an alias, and a {change.type} must not name one (RFC 2181 10.3)"
                yield Reason(TARGET, "target_is_alias", message)
            elif zone is not None and not types and not (change.type == "MX" and zone == change.zone):
                message = f"{host} would be in the zone {zone}, which is served here, and is not recorded"
                yield Reason(TARGET, "target_not_recorded", message)

    def _broken(self, effect: Effect) -> Iterator[Reason]:
        """Warn of what points to a name that has no address and no alias any more."""
        change, types = effect.change, self._types[effect.change.zone, effect.change.name]
        if effect.before is None or effect.after is not None or change.type not in _LEADS_ON:
            return
        if types & _LEADS_ON:
            return
        pointing = {
            str(place[1]): [place]
            for place in self._pointing.get(change.name, ())
            if (place[1].type in _TO_HOSTS or not types) and self._may_mean(place[0], change)
        }
        if pointing:
            yield self._reason_with_names(
                "breaks_reference", "nothing is left where others point to", pointing
            )

    def _may_mean(self, zone: str, change: Change) -> bool:
        """Whether the change's name is the one that is found where somebody in the zone looks for it."""
        if view_of(zone) == view_of(change.zone):
            return True
        found = self._views.zone_of(change.name, view_of(zone))
        return not isinstance(found, str) or found == change.zone

    def _reason_with_names(self, code: str, words: str, found: Mapping[str, Iterable[ZoneRRset]]) -> Reason:
        """Return a warning that names what is found; requesters are told of what they may see alone."""
        told = None
        if self._may_name is not None:
            asked = islice(sorted(found), _MAX_ASKED)
            shown = [name for name in asked if any(map(self._may_name, found[name]))]
            if len(shown) < len(found):
                told = f"{words}: {', '.join([*shown[:_MAX_NAMED], _OF_OTHERS])}"
        return Reason(DOMAIN, code, f"{words}: {some_of(found)}", told)

    def _hidden_by(self, effect: Effect) -> list[str]:
        """Return the names that a new delegation or DNAME hides; its glue is not hidden."""
        change = effect.change
        is_new = effect.before is None and effect.after is not None
        if not is_new or change.type not in ("NS", "DNAME") or change.key == (change.apex, "NS"):
            return []
        below = self._below[change.zone, change.name]
        if change.type == "DNAME":
            return list(below)
        glue = set(targets(change))
        hidden = [name for name in below if name not in glue or self._types[change.zone, name] - _ADDRESSES]
        own = self._types[change.zone, change.name] - _AT_CUT
        return [change.name, *hidden] if own and change.name not in glue else hidden

    def _uncovered(self, change: Change) -> Iterator[Reason]:
        """RFC 4592 3.3.1: a wildcard answers for no name that exists, whatever its types."""
        for parent in lineage(change.name.partition(".")[2]):
            types = self._types.get((change.zone, f"*.{parent}"), set()) - {change.type}
            if types and change.name != f"*.{parent}":
                named = ", ".join(sorted(types))
                message = f"*.{parent} answers for {change.name} no longer, not even with its {named}"
                yield Reason(DOMAIN, "wildcard_covers_no_longer", message)
            if types or parent == change.apex or self._types.get((change.zone, parent)):
                return

    def _without_parent(self, change: Change) -> Iterator[Reason]:
        """The zone above has to delegate what this one is about to name servers for."""
        apex = change.apex
        if change.key != (apex, "NS") or change.action is Action.DELETE:
            return
        parent = self._views.known_zone_of(apex.partition(".")[2], view_of(change.zone))
        if parent is not None and "NS" not in self._types.get((parent, apex), ()):
            message = f'{parent} has no NS of it on record: ask for that by "zone": "{parent}"'
            yield Reason(DOMAIN, "parent_without_ns", message)

    def _repeated(self, effect: Effect) -> Iterator[Reason]:
        """Warn of a change that comes twice in the batch, or takes back what an earlier one has made."""
        change, place = effect.change, (effect.change.zone, effect.change.key)
        asked = (place, change.action, change.ttl, frozenset(change.rdata))
        if asked in self._asked:
            yield Reason(ACTION, "repeated_change", "the same change stands in the batch before")
        self._asked.add(asked)
        made = self._made[place]
        if effect.planned.outcome == Outcome.FAILED:
            return
        if change.action is Action.CREATE:
            made |= set(change.rdata)
            return
        after = set(effect.after.rdata if effect.after else ())
        if made - after:
            message = f"it takes back what an earlier change of the batch has made: {some_of(made - after)}"
            yield Reason(ACTION, "contradicts_earlier", message)
        self._made[place] = made & after if change.action is Action.DELETE else after


def target_of(value: str) -> str:
    """Return the host that a value names, "" for the root: its last field, or the second of an SVCB."""
    fields = value.split(" ")
    host = next((field for field in reversed(fields) if field.endswith(".")), "")
    return host.removesuffix(".")


def some_of(names: Iterable[str]) -> str:
    """Return the first few of these, and how many more there are."""
    listed = sorted(names)
    more = len(listed) - _MAX_NAMED
    return ", ".join(listed[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")

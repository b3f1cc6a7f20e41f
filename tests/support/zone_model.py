"""A model of a zone: what changes make of its RRsets, one after the other, by the rules that hold for them.

Owner names are relative to the zone; "@" is its apex. Nothing here is the product's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

SUCCEEDED = "succeeded"


class Key(NamedTuple):
    """Which RRset of the zone."""

    owner: str
    type: str


class RRset(NamedTuple):
    """A TTL in seconds (None: any), and values by what they mean; without values there is no RRset."""

    ttl: int | None
    values: frozenset[str]


class Asked(NamedTuple):
    """A change; a deletion without values is of the whole RRset. `expect` is what must be there."""

    action: str
    owner: str
    type: str
    values: tuple[str, ...]
    ttl: int
    expect: RRset | None = None

    @property
    def key(self) -> Key:
        return Key(self.owner, self.type)


NOTHING = RRset(None, frozenset())


def meaning(value: str) -> str:
    """Return a value as all are written here that mean the same: a TXT is what its strings hold together."""
    return value.replace('" "', "").strip('"')


def rrset(ttl: int | None, values: Iterable[str]) -> RRset:
    """Return the RRset of these values, however they are written."""
    found = frozenset(map(meaning, values))
    return RRset(ttl, found) if found else NOTHING


class ZoneModel:
    """The RRsets of a zone, without its SOA. Those that are not there are no keys."""

    def __init__(self, rrsets: Mapping[Key, RRset]) -> None:
        self.rrsets = dict(rrsets)

    def at(self, key: Key) -> RRset:
        return self.rrsets.get(key, NOTHING)

    def put(self, key: Key, found: RRset) -> None:
        self.rrsets.pop(key, None)
        if found.values:
            self.rrsets[key] = found

    def shows(self, key: Key) -> bool:
        """Whether answers show the RRset: no delegation or DNAME covers it."""
        above = _names_above(key.owner)
        cut = key.owner != "@" and key.type != "NS" and Key(key.owner, "NS") in self.rrsets
        return not cut and not any(
            Key(name, kind) in self.rrsets for name in above for kind in ("NS", "DNAME")
        )

    def apply(self, asked: Asked) -> str:
        """Apply a change; return what becomes of it: "succeeded", or a code."""
        there, shown = self.at(asked.key), self.shows(asked.key)
        if asked.expect is not None and not _is_like(there, asked.expect, with_ttl=shown):
            made_before = _is_like(there, after(asked, asked.expect), with_ttl=shown)
            return SUCCEEDED if made_before else "state_changed"
        obstacle = self._obstacle(asked)
        if obstacle is not None:
            return obstacle
        self.put(asked.key, after(asked, there))
        return SUCCEEDED

    def apply_all_or_none(self, group: Sequence[Asked]) -> list[frozenset[str]]:
        """Apply the changes of a group; where one fails, the others have `atomic_failed`.

        Returns the codes that each may have: several where not all is shown, and several fail.
        """
        trial = ZoneModel(self.rrsets)
        fates = [trial.apply(asked) for asked in group]
        if any(self._is_unseen(own) for own in _by_owner(group)):
            return [frozenset({fate, "refused", "atomic_failed"}) - {SUCCEEDED} for fate in fates]
        unseen = [fate for asked, fate in zip(group, fates, strict=True) if not self.shows(asked.key)]
        if any(fate != SUCCEEDED for fate in unseen):  # the server finds it, and that settles the others
            return [frozenset({fate, "atomic_failed"}) - {SUCCEEDED} for fate in fates]
        if all(fate == SUCCEEDED for fate in fates):
            self.rrsets = trial.rrsets
            return [frozenset({SUCCEEDED})] * len(group)
        return [frozenset({"atomic_failed" if fate == SUCCEEDED else fate}) for fate in fates]

    def _is_unseen(self, group: Sequence[Asked]) -> bool:
        """Whether changes of a name rely on each other where no answer shows the name, below a delegation."""
        by_type: dict[str, list[Asked]] = {}
        for asked in group:
            by_type.setdefault(asked.type, []).append(asked)
        if all(self.shows(asked.key) for asked in group) or _below_dname(self, group[0]):
            return False
        several = [own for own in by_type.values() if len(own) > 1]
        only_add = all(asked.action == "create" and not asked.expect for own in several for asked in own)
        return not only_add or ("CNAME" in by_type and len(by_type) > 1)

    def _obstacle(self, asked: Asked) -> str | None:
        """Return the code of the first rule that is against a change."""
        return next((code for code, holds in _OBSTACLES if holds(self, asked)), None)

    def others(self, asked: Asked) -> set[str]:
        """Return the other types at its owner name."""
        return {key.type for key in self.rrsets if key.owner == asked.owner} - {asked.type}


def after(asked: Asked, there: RRset) -> RRset:
    """Return what a change makes of an RRset, where nothing is against it."""
    named = frozenset(map(meaning, asked.values))
    if asked.action == "delete":
        left = there.values - named if named else frozenset[str]()
        return RRset(there.ttl, left) if left else NOTHING
    return RRset(asked.ttl, there.values | named if asked.action == "create" else named)


def _is_like(there: RRset, wanted: RRset, *, with_ttl: bool) -> bool:
    if there.values != wanted.values:
        return False
    return not with_ttl or not there.values or wanted.ttl is None or there.ttl == wanted.ttl


def _by_owner(group: Sequence[Asked]) -> list[list[Asked]]:
    owners = dict.fromkeys(asked.owner for asked in group)
    return [[asked for asked in group if asked.owner == owner] for owner in owners]


def _names_above(owner: str) -> list[str]:
    """Return the names between an owner name and the apex."""
    labels = owner.split(".")
    return [".".join(labels[cut:]) for cut in range(1, len(labels))]


# --- what is against a change, in the order in which it counts

_Rule = Callable[[ZoneModel, Asked], bool]


def _of_additions(rule: _Rule) -> _Rule:
    return lambda zone, asked: asked.action != "delete" and rule(zone, asked)


def _last_apex_ns(zone: ZoneModel, asked: Asked) -> bool:
    there = zone.at(asked.key)
    return asked.key == ("@", "NS") and bool(there.values) and not after(asked, there).values


def _below_dname(zone: ZoneModel, asked: Asked) -> bool:
    return any(Key(name, "DNAME") in zone.rrsets for name in _names_above(asked.owner))


def _rrset_missing(zone: ZoneModel, asked: Asked) -> bool:
    return asked.action == "update" and asked.key not in zone.rrsets


def _cname_conflict(zone: ZoneModel, asked: Asked) -> bool:
    """RFC 1034 section 3.6.2."""
    others = zone.others(asked)
    return bool(others) if asked.type == "CNAME" else "CNAME" in others


def _beside(zone: ZoneModel, asked: Asked) -> bool:
    """RFC 6672 section 2.3."""
    other = {"NS": "DNAME", "DNAME": "NS"}.get(asked.type)
    return asked.owner != "@" and other in zone.others(asked)


def _several(kind: str) -> _Rule:
    def is_several(zone: ZoneModel, asked: Asked) -> bool:
        both = after(asked, zone.at(asked.key)).values
        return asked.type == kind and asked.action == "create" and len(both) > 1

    return is_several


def _null_mx(zone: ZoneModel, asked: Asked) -> bool:
    """RFC 7505 section 3."""
    return _several("MX")(zone, asked) and "0 ." in after(asked, zone.at(asked.key)).values


def _above_data(zone: ZoneModel, asked: Asked) -> bool:
    """RFC 6672 section 2.4."""
    is_new = asked.type == "DNAME" and asked.key not in zone.rrsets
    return is_new and any(asked.owner in _names_above(key.owner) for key in zone.rrsets)


_OBSTACLES: Sequence[tuple[str, _Rule]] = (
    ("apex_ns_last", _last_apex_ns),
    ("below_dname", _of_additions(_below_dname)),
    ("rrset_missing", _rrset_missing),
    ("cname_conflict", _of_additions(_cname_conflict)),
    ("cname_exists", _several("CNAME")),
    ("dname_beside_ns", _of_additions(_beside)),
    ("single_value", _several("DNAME")),
    ("null_mx_not_alone", _null_mx),
    ("dname_above_data", _of_additions(_above_data)),
)

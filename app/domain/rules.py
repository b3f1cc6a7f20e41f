"""Rules across the fields of one change. Each yields the reasons against the change; none raises."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.domain.alone import why_not_together
from app.domain.change import Action
from app.domain.errors import Reason
from app.domain.names import lineage
from app.domain.places import DOMAIN, RECORD_TYPE, TARGET
from app.domain.rdata import MAX_RDATA, TABLE, Owner, RecordType, octets
from app.domain.zone_key import dns_name

TOO_LARGE = Reason(TARGET, "rrset_too_large", f"the values together have more than {MAX_RDATA} octets")


class _ZonedChange(NamedTuple):
    action: Action
    zone: str
    name: str
    type: RecordType
    rdata: frozenset[str]
    adds: bool

    @property
    def at_apex(self) -> bool:
        return self.name == dns_name(self.zone)


def check(
    action: Action,
    zone: str,
    name: str,
    record_type: RecordType,
    rdata: Sequence[str],
    *,
    unknown_types: bool = False,
) -> list[Reason]:
    """Return all the reasons against the change; none when it keeps every rule.

    `zone`, a key, and `name` are normalized, `rdata` is canonical; the same value twice counts once. The zone
    has types that are known by their number alone (RFC 3597) where it allows `unknown_types`.
    """
    change = _ZonedChange(action, zone, name, record_type, frozenset(rdata), action is not Action.DELETE)
    found = [reason for rule in _RULES.get(record_type, _OF_ALL) for reason in rule(change)]
    if record_type.is_unknown and not unknown_types:
        message = (
            f"the zone {zone} allows no {record_type} records: of types by their numbers it allows all where"
            " its unknown_types is true, and those in its allowed_types"
        )
        found.append(Reason(RECORD_TYPE, "type_not_allowed", message))
    return found


def _values(change: _ZonedChange) -> Iterator[Reason]:
    if change.adds and not change.rdata:
        yield Reason(TARGET, "target_missing", f"{change.action} needs a target; only delete goes without")
    elif change.adds and octets(change.type, change.rdata) > MAX_RDATA:
        yield TOO_LARGE


def _cname_at_apex(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 1912 2.4: the apex holds SOA and NS, and a CNAME excludes other data (RFC 1034 3.6.2)."""
    if change.adds and change.at_apex:
        yield Reason(DOMAIN, "cname_at_apex", f"{change.name} is the zone's apex, which cannot be a CNAME")


def _cname_single_value(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 2181 10.1."""
    if change.adds and len(change.rdata) > 1:
        yield Reason(TARGET, "cname_single_value", "a CNAME has exactly one target")


def _cname_loop(change: _ZonedChange) -> Iterator[Reason]:
    if change.adds and f"{change.name}." in change.rdata:
        yield Reason(TARGET, "cname_loop", f"{change.name} would point to itself")


def _apex_ns_protected(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 2136 3.4.2.4: servers answer NOERROR and ignore it."""
    if not change.adds and change.at_apex and not change.rdata:
        yield Reason(TARGET, "apex_ns_protected", "a zone keeps its name servers: name the values to remove")


def _ns_wildcard(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 4592 4.2: its meaning is undefined."""
    if change.adds and change.name.startswith("*."):
        yield Reason(DOMAIN, "ns_wildcard", "a wildcard cannot be delegated")


def _dname_loop(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 6672 2.2: what is below the owner goes below the target, which must not be there itself."""
    targets = (value.removesuffix(".") for value in change.rdata)
    if change.adds and any(change.name in lineage(target) for target in targets):
        yield Reason(TARGET, "dname_loop", f"names below {change.name} would lead below it again")


def _dname_wildcard(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 6672 3.3: what it means is undefined, and servers differ."""
    if change.adds and change.name.startswith("*."):
        yield Reason(
            DOMAIN, "dname_wildcard", "a wildcard cannot be redirected: give the DNAME a name of its own"
        )


def _host_owner(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 952: no label begins or ends with a hyphen. What else is no host, `domain/checks.py` knows."""
    if change.adds and "-" in change.name and _HYPHEN_AT_AN_END.search(change.name):
        yield Reason(DOMAIN, "name_invalid", f"{change.name} has a label that begins or ends with a hyphen")


def _apex_only(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 4034 2.1.1, RFC 7344 4.1, RFC 7477 2; and a child's CDS below the name of a server (RFC 9615 2)."""
    signals = change.name.startswith("_dsboot.") and "._signal." in change.name
    if change.adds and not change.at_apex and not (signals and change.type is not RecordType.DNSKEY):
        message = (
            f"{change.type} records are at the apex of a zone: {dns_name(change.zone)}, not {change.name}"
        )
        yield Reason(DOMAIN, "apex_only", message)


def _ds_at_apex(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 4035 2.4."""
    if change.adds and change.at_apex:
        message = (
            f'{change.name} is the zone\'s apex: its DS records are in the zone above it, which "zone" names '
            "where it is served here"
        )
        yield Reason(DOMAIN, "ds_at_apex", message)


def _alone(change: _ZonedChange) -> Iterator[Reason]:
    if change.adds and (reason := why_not_together(change.type, change.rdata)):
        yield reason


_HYPHEN_AT_AN_END = re.compile(r"(?:^|\.)-|-(?:\.|$)")

_Rule = Callable[[_ZonedChange], Iterator[Reason]]

_OF_ALL: tuple[_Rule, ...] = (_values,)
_OF_OWNER: Mapping[Owner, tuple[_Rule, ...]] = {
    Owner.HOST: (_host_owner,),
    Owner.APEX: (_apex_only,),
    Owner.CUT: (_ds_at_apex,),
}
_OF_TYPE: Mapping[RecordType, tuple[_Rule, ...]] = {
    RecordType.CNAME: (_cname_at_apex, _cname_single_value, _cname_loop),
    RecordType.NS: (_apex_ns_protected, _ns_wildcard),
    RecordType.MX: (_alone,),
    RecordType.DNAME: (_alone, _dname_loop, _dname_wildcard),
    RecordType.CDS: (_alone,),
    RecordType.CDNSKEY: (_alone,),
    RecordType.CSYNC: (_alone,),
}
_RULES: Mapping[RecordType, tuple[_Rule, ...]] = {
    record_type: (
        *_OF_ALL,
        *_OF_OWNER.get(entry.owner, ()),
        *_OF_TYPE.get(record_type, ()),
    )
    for record_type, entry in TABLE.items()
}

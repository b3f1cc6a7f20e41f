"""Rules across the fields of one change. Each yields the reasons against the change; none raises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.domain.change import Action
from app.domain.errors import Reason
from app.domain.rdata import MAX_RDATA, RecordType, octets

DOMAIN = ("resource", "domain")
TARGET = ("resource", "target")


class _ZonedChange(NamedTuple):
    action: Action
    zone: str
    name: str
    type: RecordType
    rdata: frozenset[str]

    @property
    def adds(self) -> bool:
        return self.action is not Action.DELETE

    @property
    def at_apex(self) -> bool:
        return self.name == self.zone


def check(
    action: Action, zone: str, name: str, record_type: RecordType, rdata: Sequence[str]
) -> list[Reason]:
    """Return all the reasons against the change; none when it keeps every rule.

    `zone` and `name` are normalized, `rdata` is canonical; the same value twice counts once.
    """
    change = _ZonedChange(action, zone, name, record_type, frozenset(rdata))
    rules = (*_OF_ALL, *_OF_TYPE.get(change.type, ()))
    return [reason for rule in rules for reason in rule(change)]


def _target_missing(change: _ZonedChange) -> Iterator[Reason]:
    if change.adds and not change.rdata:
        yield Reason(TARGET, "target_missing", f"{change.action} needs a target; only delete goes without")


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


def _null_mx_alone(change: _ZonedChange) -> Iterator[Reason]:
    """RFC 7505 3."""
    if change.adds and "0 ." in change.rdata and len(change.rdata) > 1:
        yield Reason(TARGET, "null_mx_not_alone", "a null MX stands alone: it says that there is no mail")


def _rrset_too_large(change: _ZonedChange) -> Iterator[Reason]:
    if change.adds and octets(change.type, change.rdata) > MAX_RDATA:
        yield Reason(TARGET, "rrset_too_large", f"the values together have more than {MAX_RDATA} octets")


_Rule = Callable[[_ZonedChange], Iterator[Reason]]

_OF_ALL: tuple[_Rule, ...] = (_target_missing, _rrset_too_large)
_OF_TYPE: Mapping[RecordType, tuple[_Rule, ...]] = {
    RecordType.CNAME: (_cname_at_apex, _cname_single_value, _cname_loop),
    RecordType.NS: (_apex_ns_protected, _ns_wildcard),
    RecordType.MX: (_null_mx_alone,),
}

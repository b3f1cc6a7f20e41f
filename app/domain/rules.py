"""Rules that hold across the fields of one change. Each says why not; none raises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.domain.change import Action
from app.domain.rdata import MAX_RDATA, RecordType, octets

DOMAIN = ("resource", "domain")
TARGET = ("resource", "target")


class Reason(NamedTuple):
    """Why a change can't be accepted: the place, a stable code, and words for a person."""

    loc: tuple[str | int, ...]
    code: str
    message: str


class _Asked(NamedTuple):
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
    """All the reasons against the change, none when it may go on.

    `zone` and `name` are normalized, `rdata` is canonical; the same value twice counts once.
    """
    asked = _Asked(action, zone, name, record_type, frozenset(rdata))
    rules = (*_OF_ALL, *_OF_TYPE.get(asked.type, ()))
    return [reason for rule in rules for reason in rule(asked)]


def _target_missing(asked: _Asked) -> Iterator[Reason]:
    if asked.adds and not asked.rdata:
        yield Reason(TARGET, "target_missing", f"{asked.action} needs a target; only delete goes without")


def _cname_at_apex(asked: _Asked) -> Iterator[Reason]:
    """RFC 1912 2.4: the apex holds SOA and NS, and a CNAME excludes other data (RFC 1034 3.6.2)."""
    if asked.adds and asked.at_apex:
        yield Reason(DOMAIN, "cname_at_apex", f"{asked.name} is the zone's apex, which cannot be a CNAME")


def _cname_single_value(asked: _Asked) -> Iterator[Reason]:
    """RFC 2181 10.1."""
    if asked.adds and len(asked.rdata) > 1:
        yield Reason(TARGET, "cname_single_value", "a CNAME has exactly one target")


def _cname_loop(asked: _Asked) -> Iterator[Reason]:
    if asked.adds and f"{asked.name}." in asked.rdata:
        yield Reason(TARGET, "cname_loop", f"{asked.name} would point to itself")


def _apex_ns_protected(asked: _Asked) -> Iterator[Reason]:
    """RFC 2136 3.4.2.4: servers ignore it without a word."""
    if not asked.adds and asked.at_apex and not asked.rdata:
        yield Reason(TARGET, "apex_ns_protected", "a zone keeps its name servers: name those that shall go")


def _ns_wildcard(asked: _Asked) -> Iterator[Reason]:
    """RFC 4592 4.2: what it would mean is undefined."""
    if asked.adds and asked.name.startswith("*."):
        yield Reason(DOMAIN, "ns_wildcard", "a wildcard cannot be delegated")


def _null_mx_alone(asked: _Asked) -> Iterator[Reason]:
    """RFC 7505 3."""
    if asked.adds and "0 ." in asked.rdata and len(asked.rdata) > 1:
        yield Reason(TARGET, "null_mx_not_alone", "a null MX stands alone: it says that there is no mail")


def _rrset_too_large(asked: _Asked) -> Iterator[Reason]:
    if asked.adds and octets(asked.type, asked.rdata) > MAX_RDATA:
        yield Reason(TARGET, "rrset_too_large", f"the values together have more than {MAX_RDATA} octets")


_Rule = Callable[[_Asked], Iterator[Reason]]

_OF_ALL: tuple[_Rule, ...] = (_target_missing, _rrset_too_large)
_OF_TYPE: Mapping[RecordType, tuple[_Rule, ...]] = {
    RecordType.CNAME: (_cname_at_apex, _cname_single_value, _cname_loop),
    RecordType.NS: (_apex_ns_protected, _ns_wildcard),
    RecordType.MX: (_null_mx_alone,),
}

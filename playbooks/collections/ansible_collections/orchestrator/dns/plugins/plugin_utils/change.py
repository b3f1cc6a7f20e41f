"""The changes file: what is asked for, read as plain data that nothing evaluates."""

import json
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

from .rdata import read_name, read_rdata

ACTIONS = ("create", "update", "upsert", "delete")
SIGNER_TYPES = frozenset(  # written by whoever signs the zone; an NSEC3 in an update crashes Knot 3.2
    {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3}
)
MAX_TTL = 2**31 - 1  # RFC 2181 section 8
PATTERN_TYPES = (
    "MX",
    "SRV",
    "KX",
    "LP",
    "NID",
    "L32",
    "L64",
    "URI",
)  # of which a value may have "*" for a number, in a deletion
_ANY_NUMBER = re.compile(r"\*(?= )")


class State(NamedTuple):
    """An RRset: its TTL in seconds, and its values; without values there is none.

    A TTL of None is any, or not known, or not the same for all records.
    """

    ttl: int | None
    values: frozenset[Hashable]  # dnspython's, or the text of those that only the server can read


NOTHING = State(None, frozenset())


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one RRset; names are absolute, `ttl` is in seconds, no value comes twice.

    A deletion may have `patterns`: each is a value's text with `*` for any number, as in `*
    mail.example.org.`. `expect` is the RRset that must be there for the change to be carried out. Changes of
    one `group` are carried out together or not at all.
    """

    request_id: str
    action: str
    name: dns.name.Name
    type: dns.rdatatype.RdataType
    ttl: int
    values: tuple[dns.rdata.Rdata, ...]
    patterns: tuple[str, ...] = ()
    expect: State | None = None
    group: str | None = None

    def __hash__(self) -> int:  # of all fields it would take many times as long
        return hash(self.request_id)

    def __str__(self) -> str:
        return f"{self.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(self.type)}"

    @property
    def is_of_whole_rrset(self) -> bool:
        """Whether it names no value: a deletion of all there are."""
        return not self.values and not self.patterns

    @property
    def is_of_all_expected(self) -> bool:
        """Whether a deletion leaves nothing of its RRset, as far as the change itself tells."""
        return self.is_of_whole_rrset or (self.expect is not None and self.expect.values <= {*self.values})

    def is_apex_ns(self, zone: dns.name.Name) -> bool:
        """Whether it is about the zone's own NS RRset, of which one value must stay."""
        return self.type == dns.rdatatype.NS and self.name == zone


class UnusableChange(Exception):
    """An item that no server could carry out; `code` is stable, the text says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_items(path: Path) -> list[Mapping[str, Any]]:
    """Return the items of a changes file; each has a `request_id`. Raises OSError, ValueError."""
    items = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and "request_id" in item for item in items
    ):
        raise ValueError("the changes file does not hold a list of changes with a request_id each")
    return items


def parse_change(item: Mapping[str, Any], zone: dns.name.Name) -> Change:
    """Return the change that an item of the changes file asks for. Raises UnusableChange."""
    try:
        texts = item.get("rdata") or []
        takes_patterns = item["action"] == "delete" and item["type"] in PATTERN_TYPES
        patterns = tuple(filter(_ANY_NUMBER.search, texts)) if takes_patterns else ()
        change = Change(
            request_id=str(item["request_id"]),
            action=item["action"],
            name=read_name(item["name"]),
            type=dns.rdatatype.from_text(item["type"]),
            ttl=int(item["ttl"]),
            values=_values(item["type"], (text for text in texts if text not in patterns)),
            patterns=patterns,
            expect=_expected(item["type"], item.get("expect")),
            group=item.get("group"),
        )
    except (dns.exception.DNSException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusableChange("invalid_change", f"the change can't be read: {error}") from None
    _check(change, zone)
    return change


def _values(rdtype: str, texts: Iterable[str]) -> tuple[dns.rdata.Rdata, ...]:
    values = tuple(read_rdata(rdtype, text) for text in texts)
    return values if len(values) == 1 else tuple(dict.fromkeys(values))


def _expected(rdtype: str, item: Mapping[str, Any] | None) -> State | None:
    if item is None:
        return None
    ttl = item["ttl"]
    return State(None if ttl is None else int(ttl), frozenset(_values(rdtype, item["rdata"])))


def _check(change: Change, zone: dns.name.Name) -> None:
    if change.action not in ACTIONS:
        raise UnusableChange("invalid_change", f"{change.action!r} is not an action")
    if not 0 <= change.ttl <= MAX_TTL:
        raise UnusableChange("invalid_change", f"the TTL {change.ttl} is not between 0 and {MAX_TTL}")
    if change.is_of_whole_rrset and change.action != "delete":
        raise UnusableChange("invalid_change", f"the action {change.action} needs at least one value")
    if not change.name.is_subdomain(zone):
        raise UnusableChange("not_zone", f"{change.name} is not in the zone {zone}")
    if change.type == dns.rdatatype.SOA:
        raise UnusableChange("soa_protected", "only the server changes the SOA of its zone")
    if dns.rdatatype.is_metatype(change.type) or change.type in SIGNER_TYPES:
        rdtype = dns.rdatatype.to_text(change.type)
        raise UnusableChange("invalid_change", f"records of the type {rdtype} can't be changed")

"""The changes file: what is asked for, as inert data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ACTIONS = ("create", "update", "upsert", "delete")
GENERATED = frozenset(  # by whoever signs the zone; Knot 3.2 ends when it gets an NSEC3
    {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3}
)
MAX_TTL = 2**31 - 1  # RFC 2181 section 8


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one RRset; names are absolute, `ttl` is in seconds."""

    request_id: str
    action: str
    name: dns.name.Name
    type: dns.rdatatype.RdataType
    ttl: int
    values: tuple[dns.rdata.Rdata, ...]

    def __str__(self) -> str:
        return f"{self.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(self.type)}"


class UnusableChange(Exception):
    """An item that can't be sent to any server; `code` is stable, the text says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_items(path: Path) -> list[Mapping[str, Any]]:
    """Return the items of a changes file as they are. Raises OSError, ValueError."""
    items = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and "request_id" in item for item in items
    ):
        raise ValueError("the changes file holds no list of changes")
    return items


def parse_change(item: Mapping[str, Any], zone: dns.name.Name) -> Change:
    """Return the change that an item of the changes file asks for. Raises UnusableChange."""
    try:
        change = Change(
            request_id=str(item["request_id"]),
            action=item["action"],
            name=dns.name.from_text(item["name"]),
            type=dns.rdatatype.from_text(item["type"]),
            ttl=int(item["ttl"]),
            values=_values(item["type"], item.get("rdata") or []),
        )
    except (dns.exception.DNSException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusableChange("invalid_change", f"the change can't be read: {error}") from None
    _check(change, zone)
    return change


def _values(rdtype: str, texts: list[str]) -> tuple[dns.rdata.Rdata, ...]:
    read = (
        dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, relativize=False)
        for text in texts
    )
    return tuple(dict.fromkeys(read))


def _check(change: Change, zone: dns.name.Name) -> None:
    if change.action not in ACTIONS:
        raise UnusableChange("invalid_change", f"there is no action {change.action!r}")
    if not 0 <= change.ttl <= MAX_TTL:
        raise UnusableChange("invalid_change", f"{change.ttl} is no TTL")
    if not change.values and change.action != "delete":
        raise UnusableChange("invalid_change", f"a change to {change.action} needs a value")
    if not change.name.is_subdomain(zone):
        raise UnusableChange("not_zone", f"{change.name} is not in the zone {zone}")
    if change.type == dns.rdatatype.SOA:
        raise UnusableChange("soa_protected", "the zone's SOA is the server's own to change")
    if dns.rdatatype.is_metatype(change.type) or change.type in GENERATED:
        raise UnusableChange("invalid_change", f"{dns.rdatatype.to_text(change.type)} is no type of data")

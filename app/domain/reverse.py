"""Reverse names: where the PTR record of an address is (RFC 1035 3.5, RFC 3596 2.5, RFC 2317)."""

from collections.abc import Container, Mapping
from ipaddress import ip_address
from typing import NamedTuple

from app.domain.names import longest_match


class Place(NamedTuple):
    """A served zone, and a name in it."""

    zone: str
    name: str


def reverse_name(address: str) -> str:
    """Return the name in in-addr.arpa or ip6.arpa that stands for an address."""
    return ip_address(address).reverse_pointer


def find_place(name: str, zones: Container[str], aliases: Mapping[Place, str]) -> Place | None:
    """Return where the PTR of a reverse name belongs; None where no served zone has a place for it.

    That is the longest match among the served `zones`. Where it has a CNAME at the name (in `aliases`, with
    normalized targets), as a delegation of fewer than 256 addresses does, it is where that points to (RFC
    2317 4).
    """
    zone = longest_match(name, zones)
    if zone is None or (target := aliases.get(Place(zone, name))) is None:
        return Place(zone, name) if zone else None
    delegated = longest_match(target, zones)
    return Place(delegated, target) if delegated else None

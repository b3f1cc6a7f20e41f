"""Reverse names: where the PTR record of an address is (RFC 1035 3.5, RFC 3596 2.5, RFC 2317)."""

from collections.abc import Container, Iterator, Mapping
from ipaddress import ip_address
from typing import NamedTuple

from app.domain.names import longest_match

_IPV4 = ".in-addr.arpa"


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
    2317 4); where no such CNAME is known, a served zone that has the name of such a delegation.
    """
    zone = longest_match(name, zones)
    target = aliases.get(Place(zone, name)) if zone else None
    if target is not None:
        delegated = longest_match(target, zones)
        return Place(delegated, target) if delegated else None
    part = next((place for place in parts(name) if place.zone in zones), None)
    return part or (Place(zone, name) if zone else None)


def parts(name: str) -> Iterator[Place]:
    """Yield where a delegation of fewer than 256 addresses may have the name, the smallest part first.

    The zone's label is the first address and the length of the prefix, or the first and the last address:
    the forms that are common (RFC 2317 4 and 5.2).
    """
    octet, _, network = name.partition(".")
    if not name.endswith(_IPV4):
        return
    for length in range(31, 24, -1):
        last = int(octet) | 255 >> (length - 24)
        first = last - (255 >> (length - 24))
        for label in (f"{first}/{length}", f"{first}-{last}"):
            yield Place(f"{label}.{network}", f"{octet}.{label}.{network}")

"""Reverse names: where the PTR record of an address is (RFC 1035 3.5, RFC 3596 2.5, RFC 2317)."""

from collections.abc import Container, Iterable, Iterator, Mapping
from ipaddress import ip_address
from itertools import takewhile
from typing import NamedTuple

from app.domain.names import lineage, longest_match

_IPV4 = ".in-addr.arpa"


class Place(NamedTuple):
    """A served zone, and a name in it."""

    zone: str
    name: str


class Elsewhere(NamedTuple):
    """Why a name is served by others, and where a zone that is served here has it `hidden` below its cut."""

    why: str
    hidden: Place | None = None


def reverse_name(address: str) -> str:
    """Return the name in in-addr.arpa or ip6.arpa that stands for an address."""
    return ip_address(address).reverse_pointer


def reverse_name_of(text: str) -> str | None:
    """Return the same of what may be an address; None where it is none."""
    try:
        return reverse_name(text.strip().removesuffix("."))
    except ValueError:
        return None


def find_place(
    name: str, zones: Container[str], aliases: Mapping[Place, str], cuts: Container[Place] = ()
) -> Place | Elsewhere:
    """Return where the PTR of a reverse name belongs.

    That is the longest match among the served `zones`. Where it has a CNAME at the name (in `aliases`, with
    normalized targets), as a delegation of fewer than 256 addresses does, it is where that points to (RFC
    2317 4); where no such CNAME is known, a served zone that has the name of such a delegation. What is at or
    below a delegation (one of `cuts`) belongs to the child zone.
    """
    zone = longest_match(name, zones)
    if zone is None or (target := aliases.get(Place(zone, name))) is None:
        part = next((part for part in parts(name) if part.zone in zones or (zone, part.zone) in cuts), None)
        if part is not None and part.zone not in zones:
            return Elsewhere(f"{part.zone} is delegated by {zone}, and not served here")
        return _place_of(part.name if part else name, zones, cuts)
    place = _place_of(target, zones, cuts)
    return place._replace(why=f"{name} is an alias: {place.why}") if isinstance(place, Elsewhere) else place


def _place_of(name: str, zones: Container[str], cuts: Container[Place]) -> Place | Elsewhere:
    zone = longest_match(name, zones)
    if zone is None:
        return Elsewhere(f"{name} is in none of them")
    place = Place(zone, name)
    cut = next((cut for cut in _below_apex(name, zones) if (zone, cut) in cuts), None)
    return Elsewhere(f"{cut} is delegated by {zone}, and not served here", place) if cut else place


def possible_cuts(names: Iterable[str], zones: Container[str]) -> set[str]:
    """Return where a delegation can take one of these names out of its zone."""
    found: set[str] = set()
    for name in names:
        found.update(takewhile(lambda parent: parent not in found, _below_apex(name, zones)))
    return found


def _below_apex(name: str, zones: Container[str]) -> Iterator[str]:
    return takewhile(lambda parent: parent not in zones, lineage(name))


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

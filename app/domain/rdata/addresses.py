"""A (RFC 1035 3.4.1) and AAAA (RFC 3596 2.2)."""

import re
from ipaddress import AddressValueError, IPv6Address, ip_address, ip_network

import dns.ipv6

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.reading import NOTHING_GIVEN, Given
from app.domain.rdata.types import RecordType

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_WITH_ZEROS = re.compile(rf"0*{_OCTET}(?:\.0*{_OCTET}){{3}}")
_MAX_HINTED = 45  # characters, of the longest IPv6 address
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def read_ipv4(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Four numbers without leading zeros, so that there is one way to write an address."""
    if not _IPV4.fullmatch(target):
        raise InvalidRdata("ipv4_invalid", f"{quoted(target)} is not an IPv4 address{_hint_for_ipv4(target)}")
    return target


def read_ipv6(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Any spelling of RFC 4291 2.2; the canonical one is that of RFC 5952."""
    try:
        address = IPv6Address(target)
    except AddressValueError as error:
        hint = ": an A record holds it" if _IPV4.fullmatch(target) else ", such as 2001:db8::1"
        raise InvalidRdata("ipv6_invalid", f"{quoted(target)} is not an IPv6 address{hint}") from error
    if address.scope_id is not None:
        bare = target.partition("%")[0]
        message = f"{quoted(target)} has a zone index, which DNS cannot hold: write {bare}"
        raise InvalidRdata("ipv6_invalid", message)
    return dns.ipv6.inet_ntoa(address.packed)


def _hint_for_ipv4(target: str) -> str:
    if len(target) <= _MAX_HINTED and _WITH_ZEROS.fullmatch(target):
        bare = ".".join(str(int(number)) for number in target.split("."))
        return f": without leading zeros it is {bare}"
    if ":" in target and len(target) <= _MAX_HINTED and "/" not in target:
        return ": if it is one of IPv6, an AAAA record holds it"
    return ": four numbers from 0 to 255, such as 192.0.2.1"


def special_use(record_type: RecordType, value: str) -> str | None:
    """Return the special use of a canonical A or AAAA value (RFC 6890 and the registries); None for none.

    An address that maps an IPv4 address (RFC 4291 2.5.5.2) has that one's.
    """
    if record_type not in (RecordType.A, RecordType.AAAA):
        return None
    address = ip_address(value)
    address = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    return next(
        (use for use, networks in _SPECIAL.items() if any(address in each for each in networks)), None
    )


_SPECIAL = {
    use: tuple(map(ip_network, networks))
    for use, networks in {
        "unspecified": ("0.0.0.0/8", "::/128"),
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        "shared": ("100.64.0.0/10",),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "reserved": ("240.0.0.0/4",),
    }.items()
}

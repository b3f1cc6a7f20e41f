"""A (RFC 1035 3.4.1) and AAAA (RFC 3596 2.2)."""

import re
from ipaddress import AddressValueError, IPv6Address

import dns.ipv6

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def read_ipv4(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Four numbers without leading zeros, so that there is one way to write an address."""
    if not _IPV4.fullmatch(target):
        raise InvalidRdata("ipv4_invalid", f"{quoted(target)} is not an IPv4 address")
    return target


def read_ipv6(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Any spelling of RFC 4291 2.2; the canonical one is that of RFC 5952."""
    try:
        address = IPv6Address(target)
    except AddressValueError as error:
        raise InvalidRdata("ipv6_invalid", f"{quoted(target)} is not an IPv6 address") from error
    if address.scope_id is not None:
        raise InvalidRdata("ipv6_invalid", f"{quoted(target)} has a zone index, which DNS cannot hold")
    return dns.ipv6.inet_ntoa(address.packed)

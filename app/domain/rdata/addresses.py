"""A (RFC 1035 3.4.1) and AAAA (RFC 3596 2.2)."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address, ip_network

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


def special_uses(record_type: RecordType, value: str) -> Iterator[tuple[str, str]]:
    """Yield each address of a canonical value that has a special use, and that use.

    A value of A or AAAA is one address, one of SVCB or HTTPS has hints (RFC 9460 7.3).
    """
    if record_type in (RecordType.A, RecordType.AAAA):
        addresses = [value]
    elif record_type in (RecordType.SVCB, RecordType.HTTPS):
        hints = (found[2] for found in _PARAMETER.finditer(value) if found[1] in ("ipv4hint", "ipv6hint"))
        addresses = [address for hint in hints for address in hint.split(",")]
    else:
        return
    for address in addresses:
        if use := _special_use(ip_address(address)):
            yield address, use


def _special_use(address: IPv4Address | IPv6Address) -> str | None:
    """Return the special use (RFC 6890, the two registries of IANA, the 1st of November 2026); None for none.

    An address that carries one of IPv4 has that one's, if it has none of its own.
    """
    if any(address in network for network in _GLOBAL):
        return None
    for use, networks in _SPECIAL.items():
        if any(address in network for network in networks):
            return use
    carried = _carried(address) if isinstance(address, IPv6Address) else None
    return _special_use(carried) if carried else None


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that is mapped (RFC 4291 2.5.5.2), translated (RFC 6052), or 6to4."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


_PARAMETER = re.compile(r' ([a-z0-9-]+)="((?:[^"\\]|\\.)*+)"')
_TRANSLATED = ip_network("64:ff9b::/96")
_GLOBAL = tuple(  # parts of special blocks that are reachable from everywhere
    map(
        ip_network,
        (
            *("192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128"),
            *("2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28"),
        ),
    )
)
_SPECIAL = {
    use: tuple(map(ip_network, networks))
    for use, networks in {
        "unspecified": ("0.0.0.0/8", "::/128"),
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        "shared": ("100.64.0.0/10",),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
        "benchmarking": ("198.18.0.0/15", "2001:2::/48"),
        "protocol": (
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
        ),  # assignments, 6to4 relays, Teredo, ORCHID
        "translation": ("64:ff9b:1::/48",),
        "discard": ("100::/64", "100:0:0:1::/64"),
        "segment routing": ("5f00::/16",),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "reserved": ("240.0.0.0/4", "::/96"),  # ::192.0.2.1 is deprecated, RFC 4291 2.5.5.1
    }.items()
}

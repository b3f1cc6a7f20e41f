"""APL (RFC 3123): lists of address prefixes."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

import dns.ipv6

from app.domain.errors import quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_FORM = "1:192.0.2.0/24 !1:192.0.2.128/25 2:2001:db8::/32"
_ITEM = re.compile(r"(!?)([12]):([0-9A-Fa-f.:]{1,45})/([0-9]{1,3})")
_NETWORKS: Mapping[str, type[IPv4Network | IPv6Network]] = {"1": IPv4Network, "2": IPv6Network}  # by family


def read_apl(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 3123 5: `!` excludes a prefix; 1 is IPv4, 2 is IPv6."""
    fields = Fields(target, _FORM)
    if not fields.left:
        fields.refuse("prefix_invalid", "a list has one prefix at least")
    items: list[str] = []
    while fields.left:
        items.append(_item(fields, fields.word("prefix")))
    return " ".join(items)


def _item(fields: Fields, word: str) -> str:
    found = _ITEM.fullmatch(word)
    if found is None:
        fields.refuse("prefix_invalid", f"{quoted(word)} is not a family (1 or 2), a colon and a prefix")
    prefix, length = found[3], found[4]
    try:
        network = _NETWORKS[found[2]](f"{prefix}/{length}")
    except ValueError:
        fields.refuse(
            "prefix_invalid", f"{quoted(word)} has no prefix of its family: {_hint(prefix, length)}"
        )
    return f"{found[1]}{found[2]}:{_shown(network)}"


def _shown(network: IPv4Network | IPv6Network) -> str:
    """Return a prefix with its address as dnspython prints it."""
    address = network.network_address
    text = dns.ipv6.inet_ntoa(address.packed) if isinstance(address, IPv6Address) else str(address)
    return f"{text}/{network.prefixlen}"


def _hint(prefix: str, length: str) -> str:
    """Say what would be one: the prefix without the bits behind it, where that is what is wrong."""
    try:
        return f"write {_shown(ip_network(f'{prefix}/{length}', strict=False))}"
    except ValueError:
        return "1 is IPv4, 2 is IPv6"

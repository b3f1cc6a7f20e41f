"""APL (RFC 3123): lists of address prefixes."""

import re
from ipaddress import ip_network

from app.domain.errors import quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_FORM = "1:192.0.2.0/24 !1:192.0.2.128/25 2:2001:db8::/32"
_ITEM = re.compile(r"(!?)([12]):([0-9A-Fa-f.:]{1,45})/([0-9]{1,3})")
_VERSIONS = {"1": 4, "2": 6}  # of IP, by address family


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
    try:
        network = ip_network(f"{found[3]}/{found[4]}", strict=False)
    except ValueError:
        fields.refuse("prefix_invalid", f"{quoted(word)} has no prefix of its family")
    if network.version != _VERSIONS[found[2]]:
        fields.refuse("prefix_invalid", f"{quoted(word)} has a prefix of the other family")
    if str(network.network_address) != str(ip_network(found[3]).network_address):
        fields.refuse("prefix_invalid", f"{quoted(word)} has bits behind its prefix: write {network}")
    return f"{found[1]}{found[2]}:{network}"

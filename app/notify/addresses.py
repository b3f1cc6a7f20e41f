"""Which addresses a webhook may lead to: those of the public Internet, and networks that were allowed.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from app.core.networks import Address, Network, is_within, unmapped_address

_NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # between a provider and its customers; metadata of Alibaba Cloud
            "127.0.0.0/8",
            "168.63.129.16/32",  # services of Azure's hosts
            "169.254.0.0/16",  # link-local; metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # for documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
# Of IPv6 it is said which are public: whatever else there is, and will be, is not.
_PUBLIC = IPv6Network("2000::/3")
_NOT_PUBLIC_EITHER = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # for documentation
            "2002::/16",  # 6to4: leads to any address of IPv4
            "3fff::/20",
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # the last 32 bits are an address of IPv4 (RFC 6052)


def may_be_asked(address: Address, allowed: Iterable[Network]) -> bool:
    """Return whether a webhook may lead to the address."""
    address = _real(address)
    if is_within(address, allowed):
        return True
    if isinstance(address, IPv4Address):
        return not is_within(address, _NOT_PUBLIC)
    return address in _PUBLIC and not is_within(address, _NOT_PUBLIC_EITHER)


def _real(address: Address) -> Address:
    """Return the address of IPv4 to which one of IPv6 stands for."""
    address = unmapped_address(address)
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address

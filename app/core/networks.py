"""Addresses and networks; an IPv4 one that is written as IPv6 is one of IPv4 (RFC 4291, section 2.5.5.2)."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED = 96  # bits before an IPv4 address that is written as IPv6


def parse_address(text: str | None) -> Address | None:
    """Return the address, without the zone of an interface; None where it is none."""
    try:
        parsed = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return unmapped_address(parsed)


def unmapped_address(address: Address) -> Address:
    """Return the address; that of IPv4 where it is one."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def parse_network(text: str) -> Network:
    """Return the network. Raises ValueError."""
    return unmapped(ip_network(text))


def unmapped(network: Network) -> Network:
    """Return the network; that of IPv4 where it is one."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED and network[0].ipv4_mapped:
        return IPv4Network((network[0].ipv4_mapped, network.prefixlen - _MAPPED))
    return network


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Return whether the address lies in one of the networks; one that is not known lies in none."""
    return address is not None and any(address in network for network in networks)

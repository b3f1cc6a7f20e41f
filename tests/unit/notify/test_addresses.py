"""Which addresses a webhook may lead to."""

from ipaddress import ip_address, ip_network

import pytest

from app.notify.addresses import may_be_asked

PUBLIC = ("8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8")
NOT_PUBLIC = (
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # metadata
    "168.63.129.16",  # of Azure's hosts
    "100.100.100.200",  # of Alibaba Cloud
    "192.0.0.192",  # of Oracle Cloud
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "::7f00:1",  # compatible with IPv4, as nobody writes it any more
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",  # NAT64 of one's own network
    "2002:7f00:1::",  # 6to4
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "fe80::1",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "100::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_asked(address: str) -> None:
    assert may_be_asked(ip_address(address), ())


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_may_be(address: str) -> None:
    assert not may_be_asked(ip_address(address), ())


def test_networks_are_allowed_in_whatever_way_their_addresses_are_written() -> None:
    allowed = [ip_network("10.20.0.0/16"), ip_network("fd00:1::/64")]
    may = ("10.20.3.4", "::ffff:10.20.3.4", "64:ff9b::a14:304", "fd00:1::9")
    assert [each for each in may if may_be_asked(ip_address(each), allowed)] == [*may]
    may_not = ("10.21.0.1", "::ffff:10.21.0.1", "64:ff9b::a15:1", "fd00:2::9", "127.0.0.1")
    assert not [each for each in may_not if may_be_asked(ip_address(each), allowed)]

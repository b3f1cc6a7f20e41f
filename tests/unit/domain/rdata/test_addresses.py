"""A, AAAA: spellings of addresses."""

from ipaddress import ip_network

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical
from app.domain.rdata.addresses import special_uses


@pytest.mark.parametrize(
    ("record_type", "value", "expected"),
    [
        ("A", "192.0.2.1", "documentation"),
        ("A", "198.51.100.7", "documentation"),
        ("A", "203.0.113.9", "documentation"),
        ("A", "8.8.8.8", None),
        ("A", "10.0.0.1", "private"),
        ("A", "172.16.0.1", "private"),
        ("A", "172.31.255.255", "private"),
        ("A", "172.32.0.1", None),
        ("A", "192.168.1.1", "private"),
        ("A", "100.64.0.1", "shared"),
        ("A", "100.128.0.1", None),
        ("A", "127.0.0.1", "loopback"),
        ("A", "127.255.0.1", "loopback"),
        ("A", "169.254.1.1", "link-local"),
        ("A", "0.0.0.0", "unspecified"),
        ("A", "0.1.2.3", "unspecified"),
        ("A", "224.0.0.251", "multicast"),
        ("A", "240.0.0.1", "reserved"),
        ("A", "255.255.255.255", "reserved"),
        ("AAAA", "2001:db8::1", "documentation"),
        ("AAAA", "3fff::1", "documentation"),
        ("AAAA", "2606:4700::1111", None),
        ("AAAA", "fd00::1", "private"),
        ("AAAA", "fc00::1", "private"),
        ("AAAA", "fe80::1", "link-local"),
        ("AAAA", "febf::1", "link-local"),
        ("AAAA", "::1", "loopback"),
        ("AAAA", "::", "unspecified"),
        ("AAAA", "ff02::1", "multicast"),
        ("AAAA", "::ffff:10.0.0.1", "private"),
        ("AAAA", "::ffff:8.8.8.8", None),
        ("A", "198.18.0.1", "benchmarking"),
        ("A", "198.19.255.255", "benchmarking"),
        ("A", "198.20.0.1", None),
        ("A", "192.0.0.1", "protocol"),
        ("A", "192.0.0.9", None),
        ("A", "192.88.99.1", "protocol"),
        ("A", "192.31.196.1", None),
        ("AAAA", "100::1", "discard"),
        ("AAAA", "100:0:0:1::1", "discard"),
        ("AAAA", "100:0:0:2::1", None),
        ("AAAA", "2001::1", "protocol"),
        ("AAAA", "2001:2::1", "benchmarking"),
        ("AAAA", "2001:4:112::1", None),
        ("AAAA", "2001:20::1", None),
        ("AAAA", "2001:200::1", None),
        ("AAAA", "5f00::1", "segment routing"),
        ("AAAA", "fec0::1", "private"),
        ("AAAA", "::10.0.0.1", "reserved"),
        ("AAAA", "64:ff9b::10.0.0.1", "private"),
        ("AAAA", "64:ff9b::8.8.8.8", None),
        ("AAAA", "64:ff9b:1::1", "translation"),
        ("AAAA", "2002:a00:1::1", "private"),
        ("AAAA", "2002:808:808::1", None),
        ("HTTPS", "1 . ipv4hint=10.0.0.1", "private"),
        ("SVCB", "1 . alpn=h2 ipv6hint=2606:4700::1111,fd00::1", "private"),
        ("HTTPS", "1 . ipv4hint=8.8.8.8", None),
        ("SVCB", r'1 . key667=" ipv4hint=\"10.0.0.1\""', None),
        ("TXT", '"10.0.0.1"', None),
    ],
)
def test_addresses_of_special_use(record_type: str, value: str, expected: str | None) -> None:
    found = [
        use for _, use in special_uses(RecordType(record_type), canonical(RecordType(record_type), value))
    ]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("record_type", "written", "words"),
    [
        ("A", "192.0.02.010", "192.0.2.10"),
        ("A", "2001:db8::1", "AAAA"),
        ("A", "192.0.2.256", "192.0.2.1"),
        ("A", "000.0.0.0", "0.0.0.0"),
        ("AAAA", "192.0.2.1", "an A record"),
        ("AAAA", "2001:db8::g", "2001:db8::1"),
        ("AAAA", "fe80::1%eth0", "write fe80::1"),
    ],
)
def test_a_refusal_names_a_spelling_that_works(record_type: str, written: str, words: str) -> None:
    with pytest.raises(InvalidRdata, match=words):
        canonical(RecordType(record_type), written)


@pytest.mark.parametrize(
    "network",
    [  # what IANA's two registries of special-purpose blocks call not globally reachable
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/29", "192.0.0.8/32", "192.0.0.170/31", "192.0.2.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
        *("::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/32", "2001:2::/48"),
        *("2001:10::/28", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
    ],
)
def test_no_address_of_a_registered_block_is_public(network: str) -> None:
    block = ip_network(network)
    kind = RecordType.A if block.version == 4 else RecordType.AAAA
    for address in (block[0], block[-1]):
        assert list(special_uses(kind, canonical(kind, str(address)))), address

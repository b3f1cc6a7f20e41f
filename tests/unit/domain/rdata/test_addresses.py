"""A, AAAA: spellings of addresses."""

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical
from app.domain.rdata.addresses import special_use


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
        ("TXT", '"10.0.0.1"', None),
    ],
)
def test_addresses_of_special_use(record_type: str, value: str, expected: str | None) -> None:
    assert special_use(RecordType(record_type), value) == expected


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

"""A, AAAA: spellings of addresses."""

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical
from app.domain.rdata.addresses import special_use
from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "A": [
        "0.0.0.0",
        "1.2.3.4",
        "10.0.0.1",
        "127.0.0.1",
        "192.0.2.255",
        "224.0.0.1",
        "255.255.255.255",
        (r"\# 4 c0000201", "192.0.2.1"),
        ("\\# 4\tC000 0201", "192.0.2.1"),
    ],
    "AAAA": [
        "::",
        "::1",
        "2001:db8::1",
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("2001:DB8::ABCD", "2001:db8::abcd"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  # RFC 5952 4.2.2: one group is not shortened
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  # RFC 5952 4.2.3: the longest run is
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  # the first of runs that are as long
        "fe80::1",
        "ff02::fb",
        "::ffff:192.0.2.1",
        ("::FFFF:c000:0201", "::ffff:192.0.2.1"),
        "64:ff9b::c000:201",
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"),
        (r"\# 16 20010db8000000000000000000000001", "2001:db8::1"),
    ],
}
BAD: Bad = {
    "A": [
        (written, "ipv4_invalid")
        for written in (
            "",
            " ",
            ".",
            "1",
            "1.2",
            "1.2.3",
            "1.2.3.",
            ".1.2.3",
            "1.2.3.4.",
            "1.2.3.4.5",
            "1..2.3",
            "256.1.1.1",
            "1.1.1.256",
            "999.999.999.999",
            "01.2.3.4",
            "1.2.3.04",
            "1.2.3.00",
            "0x7f.0.0.1",
            "0x7f000001",
            "2130706433",
            "-1.2.3.4",
            "+1.2.3.4",
            "1.2.3.4 ",
            "1.2.3.4/32",
            "1.2.3.4:80",
            "1.2.3.4,1.2.3.5",
            "1.2.3.4 1.2.3.5",
            "1,2,3,4",
            "[1.2.3.4]",
            '"1.2.3.4"',
            "http://1.2.3.4",
            "localhost",
            "::1",
            "::ffff:1.2.3.4",
            "\uff11.2.3.4",
            "1.2.3.٤",
            "1.2.3.4\0",
            "1.2.3.4;",
            "1" * 100_000,
            "1." * 50_000,
        )
    ]
    + [
        (r"\# 3 c00002", "rdata_invalid"),
        (r"\# 5 c000020100", "rdata_invalid"),
        (r"\# 4 c00002", "generic_invalid"),
    ],
    "AAAA": [
        (written, "ipv6_invalid")
        for written in (
            "",
            ":",
            ":::",
            "1",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "12345::",
            "g::",
            "::1/128",
            "[::1]",
            "::1%1",
            "fe80::1%25eth0",
            " ::1",
            "::1 ",
            "::1\n",
            "192.0.2.1",
            "::192.0.2",
            "::192.0.2.256",
            "::192.0.02.1",
            "2001:db8::1,2001:db8::2",
            "2001.db8::1",
            "2001:db8::-1",
            "localhost",
            "::٤",
            ":" * 100_000,
            "1:" * 50_000,
        )
    ]
    + [(r"\# 4 c0000201", "rdata_invalid")],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected


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

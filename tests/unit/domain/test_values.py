"""Values that mean the same, and patterns of them."""

from itertools import combinations

import pytest

from app.domain.rdata import RecordType, wire
from app.domain.values import is_pattern, matching, meaning
from tests.unit.domain.rdata.cases import cases
from tests.unit.domain.rdata.tables import TABLES


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("* mail.example.test.", True),
        ("* * 5060 sip.example.test.", True),
        ("1 * * sip.example.test.", True),
        ('* * "https://example.test/"', True),
        ('7 * "https://example.test/"', True),
        ("10 mail.example.test.", False),
        ("*.example.test.", False),
        ('"a * b"', False),
        ('0 tbs "a * b"', False),
        ('1 1 "u" "" "!a * b!c!" .', False),
    ],
)
def test_patterns(value: str, expected: bool) -> None:
    assert is_pattern(value) is expected


def test_what_fits_a_pattern() -> None:
    there = ['7 8 "https://example.test/"', '7 9 "https://example.test/"', '8 8 "https://example.test/"']
    assert matching("URI", there, ['7 * "https://example.test/"']) == set(there[:2])
    assert matching("URI", there, ['* * "https://EXAMPLE.test/"']) == set()
    assert matching("NID", ["10 0001:0002:0003:0004"], ["* 0001:0002:0003:0004"]) == {
        "10 0001:0002:0003:0004"
    }


def split_otherwise(value: str) -> str:
    """The value, with one character moved from its last string to the one before, if it has several."""
    before, between, last = value.rpartition('" "')
    return f"{before}{last[0]}{between}{last[1:]}" if between and last[:1].isalnum() else value


def what_is_there(record_type: RecordType, value: str) -> bytes:
    """The octets of a value; of a TXT those of its text (RFC 7208 3.3)."""
    octets = wire(record_type, value)
    if record_type is not RecordType.TXT:
        return octets
    text = b""
    while octets:
        text, octets = text + octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
    return text


@pytest.mark.parametrize("record_type", RecordType)
def test_only_values_that_are_the_same_mean_the_same(record_type: RecordType) -> None:
    accepted = {
        case.expected
        for table in TABLES
        for case in cases(table.GOOD)
        if case.type is record_type and len(case.expected) < 200
    }
    values = sorted(accepted | set(map(split_otherwise, accepted)))
    there = {value: what_is_there(record_type, value) for value in values}
    for one, other in combinations(values, 2):
        same = meaning(record_type, one) == meaning(record_type, other)
        assert same is (there[one] == there[other]), (one, other)

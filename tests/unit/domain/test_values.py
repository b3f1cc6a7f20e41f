"""Values that mean the same, and patterns of them."""

import pytest

from app.domain.values import is_pattern, matching


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
    assert matching(there, ['7 * "https://example.test/"']) == set(there[:2])
    assert matching(there, ['* * "https://EXAMPLE.test/"']) == set()
    assert matching(["10 0001:0002:0003:0004"], ["* 0001:0002:0003:0004"]) == {"10 0001:0002:0003:0004"}

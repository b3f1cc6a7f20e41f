"""What a requester wrote, quoted in a message."""

import pytest

from app.domain.errors import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"\256", r"'\256'"),
        (r"\# 3 0a", r"'\# 3 0a'"),
        ('"two" "strings"', '\'"two" "strings"\''),
        ("it's", '"it\'s"'),
        ("a\nb\x1b[31m\u200b", r"'a\nb\x1b[31m\u200b'"),
        ("grün", "'grün'"),
        ("x" * 61, "'" + "x" * 60 + "…'"),
        ("", "''"),
    ],
)
def test_it_is_shown_as_it_was_sent(text: str, shown: str) -> None:
    assert quoted(text) == shown

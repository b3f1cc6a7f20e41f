"""What the command line prints of texts that others wrote."""

import pytest

from app.cli.output import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü", "plain ü"), ("a\tb\nc", "a\\tb\\nc"), ("\x1b[2J", "\\x1b[2J"), ("\u202e", "\\u202e")],
)
def test_nothing_that_is_shown_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown

"""The command line's own manners; what it does to Kafka is tested with real brokers."""

import pytest
from typer.testing import CliRunner

from app.cli.__main__ import app
from app.cli.output import printable

run = CliRunner()


def test_without_a_command_it_shows_them() -> None:
    shown = run.invoke(app, []).output
    assert "migrate" in shown
    assert "dlq" in shown


@pytest.mark.parametrize("words", [[], ["--all", "--offset", "3"], ["--offset", "-1"], ["--offset", "x"]])
def test_a_replay_says_what_it_wants_to_send_back(words: list[str]) -> None:
    assert run.invoke(app, ["dlq", "replay", *words]).exit_code == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü", "plain ü"), ("a\tb\nc", "a\\tb\\nc"), ("\x1b[2J", "\\x1b[2J"), ("\u202e", "\\u202e")],
)
def test_nothing_that_is_shown_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown

"""The command line as a whole."""

from typer.testing import CliRunner

from app.cli.__main__ import app


def test_without_a_command_it_shows_them() -> None:
    shown = CliRunner().invoke(app, []).output
    assert "migrate" in shown
    assert "dlq" in shown

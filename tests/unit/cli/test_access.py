"""What a command about access says when it can't be done."""

import pytest
import typer
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import ProgrammingError

from app.cli.access import errors_said
from tests.support.commands import run_command


def test_a_role_without_the_right_is_told_which_one_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    denied = InsufficientPrivilege("permission denied for table access_tokens")
    with pytest.raises(typer.Exit), errors_said():
        raise ProgrammingError("SELECT 1", {}, denied)
    said = capsys.readouterr().err
    assert "the api's may" in said
    assert "not migrated" not in said
    assert "access_tokens" in said


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--role", None, "Missing option '--role'"),
        ("--role", "king", "'king' is no role: admin, operator"),
        ("--expires", "soon", "'soon' is no duration such as 90d"),
        ("--expires", "", "'' is no duration"),
        ("--network", "10.0.0.1/8", "has host bits set"),
        ("--network", "1", "'1' does not appear to be"),
        ("--account", " x", "no name of an account"),
        ("--person", "", "no name of a person"),
        ("--comment", "x" * 256, "is no line of 255 characters"),
        ("--comment", "two\nlines", "is no line"),
    ],
)
def test_an_option_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, option: str, value: str | None, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    given = [] if value is None else [option, value]
    done = run_command("token", "create", *(given if option == "--role" else ["--role", "admin", *given]))
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"'{option}'" in done.stderr
    assert words in done.stderr
    assert "Value error" not in done.stderr

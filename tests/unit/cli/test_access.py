"""What a command about access says when it can't be done."""

import pytest
import typer
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import ProgrammingError

from app.cli.access import errors_said


def test_a_role_without_the_right_is_told_which_one_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    denied = InsufficientPrivilege("permission denied for table access_tokens")
    with pytest.raises(typer.Exit), errors_said():
        raise ProgrammingError("SELECT 1", {}, denied)
    said = capsys.readouterr().err
    assert "the api's may" in said
    assert "not migrated" not in said
    assert "access_tokens" in said

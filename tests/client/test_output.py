"""What commands print, whatever the API has answered, and whatever reads it."""

import json
import sys
from io import BytesIO, TextIOWrapper

import pytest

from app.domain.change import RRsetKey
from app.domain.errors import ImportRunning, UndoConflict, ZoneNotFound, ZoneNotImported
from dns_orchestrator.cli.calls_as_commands import as_commands
from dns_orchestrator.cli.output import print_json


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_json_has_nothing_that_a_terminal_obeys_or_can_not_write(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"comment": "bücher \x1b[31m \x9b31m \u202e \ud800"}
    written = BytesIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", TextIOWrapper(written, encoding))
        print_json(answer)
        text = written.getvalue().decode(encoding)
    assert json.loads(text) == answer
    assert not {"\x1b", "\x9b", "\u202e"} & {*text}


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (ZoneNotFound("a.test"), "zones list"),
        (ImportRunning("a.test@x"), "zones show a.test@x"),
        (ZoneNotImported("a.test"), "import a.test"),
        (UndoConflict("a.test", RRsetKey("www.a.test", "A")), "history a.test www.a.test A"),
    ],
)
def test_what_to_do_is_said_as_a_command(error: Exception, command: str) -> None:
    said = as_commands(str(error))
    assert f"dns-orchestrator {command} " in f"{said} "
    assert "/api/" not in said

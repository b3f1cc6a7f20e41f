"""What commands print, whatever the API has answered, and whatever reads it."""

import json
import sys
from io import BytesIO, TextIOWrapper

import pytest

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

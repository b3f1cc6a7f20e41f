"""The options of `dlq`; what it does to Kafka is tested on real brokers."""

import pytest
from typer.testing import CliRunner

from app.cli.__main__ import app


@pytest.mark.parametrize("words", [[], ["--all", "--offset", "3"], ["--offset", "-1"], ["--offset", "x"]])
def test_a_replay_says_what_it_wants_to_send_back(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["dlq", "replay", *words]).exit_code == 2

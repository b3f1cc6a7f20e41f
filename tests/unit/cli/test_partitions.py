"""`partitions` where no database answers."""

import pytest

from tests.support.commands import run_command
from tests.support.running_api import forget_clients
from tests.support.settings import SetSettings


@pytest.mark.parametrize(
    "words",
    [("list",), ("make",), ("switch",), ("retire", "--before", "2020-01-01", "--drop")],
    ids=lambda words: words[0],
)
def test_a_database_that_is_away_is_said_in_one_line(
    words: tuple[str, ...], set_settings: SetSettings
) -> None:
    set_settings(DATABASE_URL="postgresql://u:secret@127.0.0.1:9/d")
    forget_clients()
    ended = run_command("partitions", *words)
    forget_clients()
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert "Connection refused" in ended.stderr
    assert "secret" not in ended.stderr

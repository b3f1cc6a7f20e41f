"""What the processes of a running stack log."""

import json
import os
import signal
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.user import User


def lines(text: str) -> list[dict[str, Any]]:
    """The lines of a log; each must be JSON."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_a_request_can_be_followed_through_its_run(stack: Stack, user: User, zone: str) -> None:
    [request] = user.submit_and_wait(body(zone))
    mine = eventually(lambda: [each for each in lines(stack.output("worker")) if each.get("zone") == zone])
    said = {each["message"]: each.get("request_id") for each in mine}
    tasks = [message for message in said if message.startswith("task: ")]
    assert tasks
    assert {said[message] for message in [*tasks, "run ended"]} == {request["id"]}


def test_a_healthy_start_says_nothing_that_only_a_developer_reads(stack: Stack, user: User) -> None:
    said = [line for part in ("api", "worker", "consumer") for line in lines(stack.output(part))]
    loggers = {each["logger"] for each in said}
    assert loggers >= {"uvicorn.error", "kafka", "alembic.runtime.migration"}
    ours = {name for name in loggers if name.startswith("app.")}
    assert {name for name in ours if find_spec(name)} == ours  # a library names loggers after our classes
    known = {"app", "audit", "kafka", "py", "uvicorn", "celery", "alembic"}
    assert {name for name in loggers - ours if name.partition(".")[0] not in known} == set()
    from_alembic = {each["message"] for each in said if each["logger"].startswith("alembic")}
    assert {message for message in from_alembic if not message.startswith("Running upgrade")} == set()


@pytest.mark.thorough
def test_a_worker_that_is_there_before_the_tables_says_so_once(
    stack: Stack, new_database: str, tmp_path: Path
) -> None:
    command = ["-m", "celery", "-A", "app.tasks", "worker", "--concurrency=1", "-Q", "other"]
    with Forked(command, stack.env | {"DATABASE_URL": new_database}, tmp_path / "log") as worker:
        eventually(lambda: "the tables are not there yet" in worker.output)
        time.sleep(4)  # several sweeps
        os.kill(worker.pid, signal.SIGINT)  # as Ctrl-C does
        assert worker.wait() == 0
    warnings = [each for each in lines(worker.output) if "the tables are not there yet" in each["message"]]
    assert len(warnings) == 1
    assert "SELECT" not in worker.output

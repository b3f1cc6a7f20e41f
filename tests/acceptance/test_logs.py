"""What the processes of a running stack log."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Any

from stack.embedded import Stack
from stack.paths import ROOT
from tests.support.builders import body
from tests.support.eventually import eventually
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


def test_a_worker_that_is_there_before_the_tables_says_so_once(stack: Stack, new_database: str) -> None:
    command = [sys.executable, "-m", "celery", "-A", "app.tasks", "worker", "--concurrency=1", "-Q", "other"]
    environment = os.environ | stack.env | {"DATABASE_URL": new_database, "LOG_FORMAT": "json"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as worker:
        assert worker.stdout is not None
        told = ""
        for line in worker.stdout:
            told += line
            if "the tables are not there yet" in line:
                break
        time.sleep(4)  # several sweeps
        worker.send_signal(signal.SIGINT)  # as Ctrl-C does
        told += worker.communicate(timeout=60)[0]
    assert worker.returncode == 0
    warnings = [each for each in lines(told) if "the tables are not there yet" in each["message"]]
    assert len(warnings) == 1
    assert "SELECT" not in told

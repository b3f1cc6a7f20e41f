"""What the processes of a running stack log."""

import json
import os
import subprocess
import sys
import time
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
        worker.terminate()
        told += worker.communicate(timeout=60)[0]
    warnings = [each for each in lines(told) if "the tables are not there yet" in each["message"]]
    assert len(warnings) == 1
    assert "SELECT" not in told

"""What a process logs when something breaks: enough to find the cause, and no secret."""

import json
import os
import subprocess
import sys
from datetime import datetime

import pytest

SECRET = "s3cret-of-the-database"
FAILS = """
import logging
from sqlalchemy import text
from app.core.database import transaction
from app.core.logging import configure_logging

configure_logging("worker")
try:
    with transaction() as session:
        session.execute(text("SELECT :words"), {"words": "what a requester wrote"})
except Exception:
    logging.getLogger("celery").exception("the task failed")
"""


@pytest.mark.parametrize("shape", ["json", "console"])
def test_a_stack_trace_holds_no_values_of_variables(shape: str) -> None:
    away = {"DATABASE_URL": f"postgresql://dns:{SECRET}@127.0.0.1:9/dns", "LOG_FORMAT": shape}
    done = subprocess.run(
        [sys.executable, "-c", FAILS], env=os.environ | away, capture_output=True, text=True, check=True
    )
    assert "OperationalError" in done.stdout
    assert "Connection refused" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert len(done.stdout) < 20_000


def test_a_command_that_breaks_shows_no_values_of_variables() -> None:
    away = {"DATABASE_URL": f"postgresql://dns:{SECRET}@127.0.0.1:9/dns"}
    command = [sys.executable, "-m", "app.cli", "migrate"]
    done = subprocess.run(command, env=os.environ | away, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert SECRET not in done.stdout + done.stderr


SERVES = """
import logging
from app.core.logging import configure_logging

configure_logging("api")
said = ("127.0.0.1:4711", "POST", '/api/v1/dns/create?a="b"', "1.1", 202)
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *said)
"""


def test_a_line_for_each_request_in_the_shape_of_all_lines() -> None:
    environment = os.environ | {"LOG_FORMAT": "json"}
    command = [sys.executable, "-c", SERVES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    assert datetime.fromisoformat(line.pop("at")).tzinfo is not None
    assert line == {
        "logger": "uvicorn.access",
        "level": "info",
        "process": "api",
        "message": 'POST /api/v1/dns/create?a="b" 202',
        "client": "127.0.0.1:4711",
        "method": "POST",
        "path": '/api/v1/dns/create?a="b"',
        "status": 202,
    }


MANY = """
from app.core import logging

logging.configure_logging("worker")
lines = [("good", {"request_id": "1", "code": None}), ("bad", {"request_id": "2", "code": "refused"})]
with logging.bound(zone="example.net"):
    logging.log_info_lines("app.some", lines)
    for message, fields in lines:
        logging.get_logger("app.some").info(message, **fields)
"""


@pytest.mark.parametrize(("level", "number"), [("info", 4), ("warning", 0)])
def test_many_lines_at_once_are_as_each_by_itself(level: str, number: int) -> None:
    environment = os.environ | {"LOG_FORMAT": "json", "LOG_LEVEL": level}
    done = subprocess.run(
        [sys.executable, "-c", MANY], env=environment, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == number
    for line in lines:
        assert datetime.fromisoformat(line.pop("at")).tzinfo is not None
    assert lines[: number // 2] == lines[number // 2 :]


def test_many_lines_at_once_for_people() -> None:
    environment = os.environ | {"LOG_FORMAT": "console"}
    done = subprocess.run(
        [sys.executable, "-c", MANY], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("good") == done.stdout.count("bad") == 2

"""What a process logs when something breaks: enough to find the cause, and no secret."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.forked import CLI, Ended, run_in_fork

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


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program that ends well."""

    def until_it_ends(program: str, **variables: str) -> Ended:
        done = run_in_fork(("-c", program), variables, tmp_path)
        assert done.status == 0, done.err
        return done

    return until_it_ends


@pytest.mark.parametrize("shape", ["json", "console"])
def test_a_stack_trace_holds_no_values_of_variables(run: Run, shape: str) -> None:
    done = run(FAILS, DATABASE_URL=f"postgresql://dns:{SECRET}@127.0.0.1:9/dns", LOG_FORMAT=shape)
    assert "OperationalError" in done.out
    assert "Connection refused" in done.out
    assert SECRET not in done.out + done.err
    assert len(done.out) < 20_000


def test_a_command_that_breaks_shows_no_values_of_variables(tmp_path: Path) -> None:
    away = {"DATABASE_URL": f"postgresql://dns:{SECRET}@127.0.0.1:9/dns"}
    done = run_in_fork((*CLI, "migrate"), away, tmp_path)
    assert done.status == 1
    assert "Connection refused" in done.err
    assert SECRET not in done.out + done.err


SERVES = """
import logging
from app.core.logging import configure_logging

configure_logging("api")
said = ("127.0.0.1:4711", "POST", '/api/v1/dns/create?a="b"', "1.1", 202)
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *said)
"""


def test_a_line_for_each_request_in_the_shape_of_all_lines(run: Run) -> None:
    done = run(SERVES, LOG_FORMAT="json")
    line = json.loads(done.out)
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
lines = [
    logging.Line("info", "good", {"request_id": "1", "code": None}),
    logging.Line("warning", "bad", {"request_id": "2", "code": "refused"}),
]
with logging.bound(zone="example.net"):
    logging.log_lines("app.some", lines)
    for level, message, fields in lines:
        getattr(logging.get_logger("app.some"), level)(message, **fields)
"""


@pytest.mark.parametrize(("level", "number"), [("info", 4), ("warning", 2), ("error", 0)])
def test_many_lines_at_once_are_as_each_by_itself(run: Run, level: str, number: int) -> None:
    done = run(MANY, LOG_FORMAT="json", LOG_LEVEL=level)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert len(lines) == number
    for line in lines:
        assert datetime.fromisoformat(line.pop("at")).tzinfo is not None
    assert lines[: number // 2] == lines[number // 2 :]


def test_many_lines_at_once_for_people(run: Run) -> None:
    done = run(MANY, LOG_FORMAT="console")
    assert done.out.count("good") == done.out.count("bad") == 2


TORN = """
import os, sys
from app.core.logging import configure_logging, get_logger

configure_logging("worker")
log = get_logger("app.some")
for _ in range(4):
    if not os.fork():
        for number in range(40):
            log.info("x" * (70_000 if number % 2 else 10))
        os._exit(0)
for _ in range(4):
    os.wait()
"""


def test_long_lines_of_processes_that_share_a_pipe_stay_whole() -> None:
    environment = os.environ | {"LOG_FORMAT": "json"}
    done = subprocess.run(
        [sys.executable, "-c", TORN], env=environment, capture_output=True, text=True, check=True
    )
    lengths = [len(json.loads(line)["message"]) for line in done.stdout.splitlines()]
    assert sorted(lengths) == [10] * 80 + [70_000] * 80


STOPPED = """
import os, signal
from app.core.logging import configure_logging, get_logger
from app.core.whole_lines import Turns

configure_logging("worker")
import logging
turns = logging.getLogger().handlers[0].turns
child = os.fork()
if not child:
    with turns.take():
        os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(child, os.WUNTRACED)
get_logger("app.some").info("still said")
os.kill(child, signal.SIGKILL)
"""


def test_a_process_that_was_stopped_while_it_wrote_keeps_no_other_from_writing() -> None:
    environment = os.environ | {"LOG_FORMAT": "json"}
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], env=environment, capture_output=True, text=True, timeout=30
    )
    assert "still said" in done.stdout


PRINTS = """
import sys, traceback
from app.core.logging import configure_logging, log_stderr_as_json

configure_logging("worker")
log_stderr_as_json("worker")
sys.stderr.write("Process ForkPoolWorker-1:\\n")
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
"""


def test_what_libraries_print_by_themselves_is_json_too(run: Run) -> None:
    done = run(PRINTS, LOG_FORMAT="json")
    messages = [json.loads(line)["message"] for line in done.out.splitlines()]
    assert messages[0] == "Process ForkPoolWorker-1:"
    assert messages[-1] == "ZeroDivisionError: division by zero"
    assert done.err == ""


FOR_PEOPLE = """
import logging
from app.core.logging import configure_logging, get_logger

configure_logging("api")
again = {"color_message": "Uvicorn running on \\x1b[1m%s\\x1b[0m"}
logging.getLogger("uvicorn.error").info("Uvicorn running on %s", "http://here", extra=again)
get_logger("app.services.drain.run_log").info("task: Send the dynamic update")
"""


@pytest.mark.parametrize(("level", "seen"), [("INFO", False), ("DEBUG", True)])
def test_a_terminal_shows_no_details_and_nothing_twice(run: Run, level: str, seen: bool) -> None:
    done = run(FOR_PEOPLE, LOG_FORMAT="console", LOG_LEVEL=level)
    assert done.out.count("Uvicorn running") == 1
    assert "color_message" not in done.out
    assert re.match(r"(\x1b\[\d+m)*\d\d:\d\d:\d\d", done.out)
    assert ("Send the dynamic update" in done.out) is seen


BROKER_LOST = """
from celery.worker.consumer import consumer
from app.core.logging import configure_logging

configure_logging("worker")
try:
    raise ConnectionError("Connection closed by server.")
except ConnectionError:
    consumer.warn(consumer.CONNECTION_RETRY, exc_info=True)
try:
    raise ValueError("a body that can't be read")
except ValueError:
    consumer.error("another fault", exc_info=True)
"""


def test_a_broker_that_is_lost_is_one_line_with_no_stack_trace(run: Run) -> None:
    lost, other = map(json.loads, run(BROKER_LOST, LOG_FORMAT="json").out.splitlines())
    assert lost["message"].startswith("consumer: Connection to broker lost")
    assert (lost["error"], "exception" in lost) == ("Connection closed by server.", False)
    assert "exception" in other

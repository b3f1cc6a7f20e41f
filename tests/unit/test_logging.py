"""What a process writes when something breaks: everything needed to find out why, and no secret."""

import os
import subprocess
import sys

import pytest

SECRET = "s3cret-of-the-database"
FAILS = """
import logging
from sqlalchemy import text
from app.core.database import transaction
from app.core.logging import configure

configure("worker")
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

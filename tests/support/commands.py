"""Commands of `python -m app.cli`, run in the test's process."""

import logging
import sys

import structlog
from typer.testing import CliRunner, Result

from app.cli.__main__ import app


def run_command(*words: str) -> Result:
    """Run a command; how it has the log written is over with it, or it would count for the tests after it."""
    # One that another test has left may write to an output that is closed.
    handlers = [each for each in logging.root.handlers if not getattr(each, "stream", sys.stderr).closed]
    configuration, logging.root.handlers[:] = structlog.get_config(), handlers
    try:
        return CliRunner().invoke(app, words)
    finally:
        structlog.configure(**configuration)
        logging.root.handlers[:] = handlers  # what a command imports may write to an output that is closed

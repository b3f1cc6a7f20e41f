"""Commands of `python -m app.cli`, run in the test's process."""

import logging
import sys

from typer.testing import CliRunner, Result

from app.cli.__main__ import app


def run_command(*words: str) -> Result:
    """Run a command; where it has the log written counts no longer for the tests after it."""
    # One that another test has left may write to an output that is closed.
    handlers = [each for each in logging.root.handlers if not getattr(each, "stream", sys.stderr).closed]
    logging.root.handlers[:] = handlers
    try:
        return CliRunner().invoke(app, words)
    finally:
        logging.root.handlers[:] = handlers  # what a command imports may write to an output that is closed

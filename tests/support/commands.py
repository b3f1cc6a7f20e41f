"""Commands of `python -m app.cli`, run in the test's process."""

import logging

import structlog
from typer.testing import CliRunner, Result

from app.cli.__main__ import app


def run_command(*words: str) -> Result:
    """Run a command; how it has the log written is over with it, or it would count for the tests after it."""
    configuration, handlers = structlog.get_config(), logging.root.handlers[:]
    try:
        return CliRunner().invoke(app, words)
    finally:
        structlog.configure(**configuration)
        logging.root.handlers[:] = handlers  # what a command imports may write to an output that is closed

"""Commands of `python -m app.cli`, run in the test's process."""

import structlog
from typer.testing import CliRunner, Result

from app.cli.__main__ import app


def run_command(*words: str) -> Result:
    """Run a command; how it has the log written is over with it, or it would count for the tests after it."""
    configuration = structlog.get_config()
    try:
        return CliRunner().invoke(app, words)
    finally:
        structlog.configure(**configuration)

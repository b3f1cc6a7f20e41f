"""The Python that client/README.md shows runs; tests/acceptance/test_pages.py runs its commands."""

import subprocess
import sys

import pytest

from stack.paths import ROOT
from tests.support.pages import Block, blocks

PYTHON = [block for block in blocks("client/README.md") if block.language == "python"]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: str(block.line))
def test_what_the_readme_shows_runs(block: Block, url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        env={"PYTHONPATH": str(ROOT / "client/src"), "DNS_ORCHESTRATOR_URL": url},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout

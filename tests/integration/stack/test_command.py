"""Ctrl-C while a command works: it ends, and prints no stack trace."""

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from stack.command import INTERRUPTED
from stack.paths import PACKAGES, ROOT

OTHERS = {"pytest", "benchmarks.plots"}  # the one sees to it itself, the other takes a second
MODULES = sorted(set(re.findall(r"-m ([a-z_.]+)", (ROOT / "Makefile").read_text())) - OTHERS)


def source(module: str) -> str:
    """The file that `python -m` runs."""
    name = f"{module}.__main__" if find_spec(module).submodule_search_locations else module  # type: ignore[union-attr]
    return Path(str(find_spec(name).origin)).read_text()  # type: ignore[union-attr]


@pytest.mark.parametrize("module", MODULES)
def test_every_command_of_the_makefile_expects_it(module: str) -> None:
    assert "from stack.command import run" in source(module) or "except KeyboardInterrupt" in source(module)


def test_a_command_ends(tmp_path: Path) -> None:
    (tmp_path / "packages").symlink_to(PACKAGES)
    process = subprocess.Popen(
        # whoever runs the tests in the background may have had the signal ignored
        ["env", "--default-signal=INT", sys.executable, "-u", "-m", "stack.demo"],
        cwd=ROOT,
        env=os.environ | {"STACK_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=60)[0]
    assert (process.returncode, "Traceback" in said) == (INTERRUPTED, False), said

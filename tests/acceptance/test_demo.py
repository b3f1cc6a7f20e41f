"""`make demo`, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

from stack.paths import ROOT


def test_the_demo_shows_right_answers(tmp_path: Path) -> None:
    environment = os.environ | {"STACK_DIR": str(tmp_path)}
    packages = ROOT / ".stack" / "packages"
    if packages.exists():  # servers that are unpacked already need not be fetched again
        (tmp_path / "packages").symlink_to(packages)
    done = subprocess.run(
        [sys.executable, "-m", "stack.demo"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "202 Accepted" in done.stdout
    assert "task: Send the dynamic update" in done.stdout
    assert done.stdout.count("succeeded in") == 10
    assert done.stdout.count("right\n") >= 10
    assert done.stdout.count("wrong") == 0
    assert not (tmp_path / "demo").exists()

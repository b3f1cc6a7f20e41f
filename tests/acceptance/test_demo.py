"""`make demo`, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import demo
from stack.paths import ROOT
from tests.support.forked_stack import ForkedStack


def assert_right(said: str) -> None:
    assert "202 Accepted" in said
    assert "task: Send the dynamic update" in said
    assert said.count("succeeded in") == 10
    assert said.count("right\n") >= 10
    assert said.count("wrong") == 0


def test_the_demo_shows_right_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app's processes are forks: those of test_by_hand.py start by themselves."""
    monkeypatch.setattr(sys, "argv", ["demo"])
    monkeypatch.setattr(demo, "STATE", tmp_path)
    monkeypatch.setattr(demo, "Stack", lambda folder, **_: ForkedStack(folder))
    status = demo.main()
    said = capsys.readouterr().out
    assert status == 0, said
    assert_right(said)
    assert not (tmp_path / "demo").exists()


@pytest.mark.thorough
def test_the_command_shows_right_answers(tmp_path: Path) -> None:
    environment = os.environ | {"STACK_DIR": str(tmp_path)}
    packages = ROOT / ".stack" / "packages"
    if packages.exists():  # servers that are unpacked already need not be fetched again
        (tmp_path / "packages").symlink_to(packages)
    done = subprocess.run(
        [sys.executable, "-m", "stack.demo"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_right(done.stdout)
    assert not (tmp_path / "demo").exists()

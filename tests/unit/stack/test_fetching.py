"""Downloads that hang, fail, or take long."""

import subprocess
from pathlib import Path

import pytest

from stack import fetching
from stack.fetching import fetch


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    monkeypatch.setattr(fetching, "NOTICE", 0.2)


def test_one_that_fails_is_tried_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    once = tmp_path / "once"
    done = fetch("it", ["sh", "-c", f"echo said; test -e {once} || {{ touch {once}; exit 1; }}"])
    assert done.returncode == 0
    assert "it: that failed; trying again" in capfd.readouterr().err


def test_one_that_keeps_failing_is_given_up() -> None:
    done = fetch("it", ["sh", "-c", "echo why >&2; exit 3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (3, "why\n")


def test_one_that_hangs_is_said_to_be_slow_and_ended(capfd: pytest.CaptureFixture[str]) -> None:
    done = fetch("it", ["sleep", "60"], tries=1, limit=0.5, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert "nothing came within" in done.stderr
    assert "the registry is slow" in capfd.readouterr().out

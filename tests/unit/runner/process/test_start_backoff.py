"""Pauses after starts of a fork server that failed."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.backoff import Backoff
from app.runner.process import start_backoff
from app.runner.process.start_backoff import StartBackoff


def test_pauses_grow_and_each_reason_is_logged_once(tmp_path: Path, logged: Callable[[], str]) -> None:
    backoff = StartBackoff(tmp_path / "failure")
    assert not backoff.is_pausing()
    pauses = []
    for _ in range(8):
        began = time.time()
        backoff.record_failure("no room")
        assert backoff.is_pausing()
        failure = json.loads(backoff.path.read_text())
        assert failure["until"] >= began + failure["pause"]
        pauses.append(failure["pause"])
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600]
    backoff.record_failure("no time")
    log = logged()
    assert (log.count("no room"), log.count("no time")) == (1, 1)
    backoff.reset()
    assert not backoff.is_pausing()


def test_after_the_pause_it_may_be_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_backoff, "BACKOFF", Backoff(first=0, longest=600))
    backoff = StartBackoff(tmp_path / "failure")
    backoff.record_failure("no room")
    assert not backoff.is_pausing()


def test_a_clock_that_was_set_back_ends_the_pause(tmp_path: Path) -> None:
    backoff = StartBackoff(tmp_path / "failure")
    backoff.record_failure("no room")
    failure = json.loads(backoff.path.read_text())
    backoff.path.write_text(json.dumps({**failure, "until": failure["until"] + 3_600}))
    assert not backoff.is_pausing()


def test_a_file_that_can_not_be_read_is_no_failure(tmp_path: Path) -> None:
    backoff = StartBackoff(tmp_path / "failure")
    backoff.path.write_text("{")
    assert not backoff.is_pausing()

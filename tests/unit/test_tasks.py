"""The worker's timer."""

import threading
from collections.abc import Iterator

import pytest
from celery.signals import worker_ready, worker_shutting_down

from app import tasks
from app.core.config import Settings
from app.services import kicks


def test_the_sweep_goes_on_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    swept_again = threading.Event()
    outcomes: Iterator[Exception | None] = iter([RuntimeError("never thought of")])

    def sweep() -> None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        swept_again.set()

    monkeypatch.setattr(tasks, "settings", lambda: Settings(sweep_interval=0.01))
    monkeypatch.setattr(kicks, "sweep", sweep)
    worker_ready.send(None)
    (timer,) = (thread for thread in threading.enumerate() if thread.name == "sweep")
    assert swept_again.wait(60)
    worker_shutting_down.send(None)
    timer.join(60)
    assert not timer.is_alive()

"""The sweep."""

from threading import Event

import pytest

from app.core.config import Settings
from app.services import kicks


def test_the_sweep_goes_on_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = Event()
    outcomes = iter([RuntimeError("never thought of"), None])

    def sweep() -> None:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        stopping.set()

    monkeypatch.setattr(kicks, "settings", lambda: Settings(sweep_interval=0.01))
    monkeypatch.setattr(kicks, "look_at_clock", lambda: None)
    monkeypatch.setattr(kicks, "sweep", sweep)
    kicks.sweep_until(stopping)
    assert stopping.is_set()

"""Whether somebody has set the database's clock."""

import time

import pytest

from app.services import database_clock
from app.services.database_clock import Reading, jump_within, may_have_jumped_within, note

HOUR = 3600.0
LEASE = 30.0


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_clock, "seen", bytearray(len(database_clock.seen)))


def reading(ahead: float = 0, took: float = 0) -> Reading:
    """What a clock says that is right but for so many seconds; the answer has taken some time, too."""
    now = time.monotonic()
    return Reading.of(1_000_000 + now - took + ahead, now - took)


def test_the_first_look_finds_nothing() -> None:
    assert note(reading(HOUR)) == 0
    assert jump_within(LEASE, reading(HOUR)) == 0


@pytest.mark.parametrize("took", [0, 60])
def test_a_slow_answer_is_no_step(took: float) -> None:
    note(reading())
    assert note(reading(took=took)) == note(reading()) == 0


@pytest.mark.parametrize("step", [HOUR, 5, -5, -HOUR])
def test_a_step_is_found_once(step: float) -> None:
    note(reading())
    assert note(reading(step)) == pytest.approx(step, abs=0.1)
    assert note(reading(step)) == 0


def test_a_jump_is_known_before_it_is_noted_and_for_a_while_afterwards() -> None:
    note(reading())
    assert jump_within(LEASE, reading(HOUR)) == pytest.approx(HOUR, abs=0.1)
    note(reading(HOUR))
    assert jump_within(LEASE, reading(HOUR)) == pytest.approx(HOUR, abs=0.1)
    assert jump_within(0, reading(HOUR)) == 0


def test_a_clock_that_is_set_back_is_no_jump() -> None:
    note(reading())
    note(reading(-HOUR))
    assert jump_within(LEASE, reading(-HOUR)) == 0


def test_a_clock_may_have_been_set_until_it_was_looked_at_for_long() -> None:
    assert not may_have_jumped_within(LEASE, reading(HOUR))  # nobody looks here
    note(reading(HOUR))
    assert may_have_jumped_within(LEASE, reading(HOUR))
    assert not may_have_jumped_within(0, reading(HOUR))

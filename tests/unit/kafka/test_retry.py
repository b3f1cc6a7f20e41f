"""The pauses between tries."""

import pytest

from app.kafka.retry import LONGEST_PAUSE, Pauses


def test_the_pauses_grow_up_to_the_longest() -> None:
    pauses = Pauses()
    for full in (0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE):
        assert full / 2 <= pauses.next() <= full


def test_no_number_of_failures_is_too_many() -> None:
    pauses = Pauses()
    assert max(pauses.next() for _ in range(3000)) <= LONGEST_PAUSE


def test_consumers_do_not_come_in_step() -> None:
    assert len({Pauses().next() for _ in range(20)}) > 1


def test_success_starts_over() -> None:
    pauses = Pauses()
    for _ in range(9):
        pauses.next()
    pauses.reset()
    assert pauses.next() <= 0.5


@pytest.mark.parametrize(("asked", "paused"), [(0.0, 0.0), (17.0, 17.0), (1e9, 300.0), (float("inf"), 300.0)])
def test_the_server_is_obeyed_within_reason(asked: float, paused: float) -> None:
    assert Pauses().next(asked) == paused

"""The pauses between tries."""

import pytest

from app.domain.retry_policy import SUBMIT_BATCH
from app.kafka.retry import RetryPauses


def test_the_pauses_grow_up_to_the_longest() -> None:
    pauses = RetryPauses(SUBMIT_BATCH)
    for full in (0.5, 1, 2, 4, 8, 16, SUBMIT_BATCH.pauses.longest, SUBMIT_BATCH.pauses.longest):
        assert full / 2 <= pauses.next() <= full


def test_no_number_of_failures_is_too_many() -> None:
    pauses = RetryPauses(SUBMIT_BATCH)
    assert max(pauses.next() for _ in range(3000)) <= SUBMIT_BATCH.pauses.longest


def test_consumers_do_not_retry_in_step() -> None:
    assert len({RetryPauses(SUBMIT_BATCH).next() for _ in range(20)}) > 1


def test_a_reset_starts_with_the_shortest_pause_again() -> None:
    pauses = RetryPauses(SUBMIT_BATCH)
    for _ in range(9):
        pauses.next()
    pauses.reset()
    assert pauses.next() <= 0.5


@pytest.mark.parametrize(("asked", "paused"), [(0.0, 0.0), (17.0, 17.0), (1e9, 300.0), (float("inf"), 300.0)])
def test_retry_after_is_obeyed_up_to_a_limit(asked: float, paused: float) -> None:
    assert RetryPauses(SUBMIT_BATCH).next(asked) == paused

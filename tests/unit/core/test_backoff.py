"""Pauses after work that is done again and again."""

import pytest

from app.core.backoff import pause_after


@pytest.mark.parametrize(
    ("took", "pause"),
    [
        (0.0, 1.0),
        (0.05, 1.0),
        (0.2, 2.0),
        (0.4, 4.0),
        (60.0, 5.0),  # it waited for something that stood still
    ],
)
def test_work_that_takes_long_is_followed_by_a_longer_pause_up_to_the_longest(
    took: float, pause: float
) -> None:
    assert pause_after(took, 0.1, least=1.0, longest=5.0) == pytest.approx(pause)


def test_the_least_pause_counts_even_where_it_is_longer_than_the_longest() -> None:
    assert pause_after(0.0, 0.1, least=10.0, longest=5.0) == 10.0
    assert pause_after(60.0, 0.1, least=10.0, longest=5.0) == 10.0

from itertools import count

import pytest

from benchmarks.statistics import interleaved, percentile


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.5), (95, 95.05), (1, 1.99)])
def test_a_percentile_lies_between_its_neighbours(percent: int, expected: float) -> None:
    assert percentile(range(1, 101), percent) == pytest.approx(expected)


def test_a_single_value_is_every_percentile() -> None:
    assert percentile([7.0], 95) == 7.0


def test_ways_are_measured_in_turns() -> None:
    clock = count()
    assert interleaved({"a": lambda: next(clock), "b": lambda: next(clock)}, 3) == {"a": 2, "b": 3}

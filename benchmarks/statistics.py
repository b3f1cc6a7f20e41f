"""Statistics of repeated measurements."""

from collections.abc import Callable, Sequence
from statistics import median, quantiles


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of the values do not exceed, interpolated between neighbours."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def interleaved(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Measure the ways in turns, so that other load hits all of them alike; return the median of each."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, measure in ways.items():
            taken[name].append(measure())
    return {name: median(values) for name, values in taken.items()}

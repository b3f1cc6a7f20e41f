"""Charts as SVG: lines and bars of a history, of which templates draw the shapes."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.stats_history import Moment

WIDTH, HEIGHT = 600, 120  # of the drawing, in its own units
_LEAST = 30  # steps that are shown, however little there is in them


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of a chart, from the top of its parts to the ground."""

    x: float
    width: float
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its columns, its lines as SVG has them, the most that it shows, and what it says in words."""

    bars: Sequence[Bar]
    lines: Sequence[tuple[str, str]]  # a kind, and points
    most: float
    words: str


def worth_drawing(history: Sequence[Moment]) -> Sequence[Moment]:
    """Return the history without the long time at its beginning in which nothing was asked for."""
    first = next((place for place, each in enumerate(history) if each.accepted), len(history))
    return history[max(0, min(first, len(history) - _LEAST)) :]


def requests_chart(history: Sequence[Moment]) -> Chart:
    """Return how many requests were accepted in each step: what succeeded, failed, or is open yet."""
    most = max((each.accepted for each in history), default=0)
    width = WIDTH / max(1, len(history))
    bars: list[Bar] = []
    for place, each in enumerate(history):
        ground = float(HEIGHT)
        still_open = max(0, each.accepted - each.succeeded - each.failed)
        for kind, number in (("good", each.succeeded), ("bad", each.failed), ("open", still_open)):
            height = HEIGHT * number / most if most else 0.0
            ground -= height
            if height:
                at, broad = round(place * width, 1), round(width * 0.8, 1)
                bars.append(Bar(at, broad, round(ground, 1), round(height, 1), kind))
    failed = sum(each.failed for each in history)
    accepted = sum(each.accepted for each in history)
    return Chart(bars, (), most, f"{accepted} requests were accepted, and {failed} have failed")


def latency_chart(history: Sequence[Moment]) -> Chart:
    """Return how long it took from acceptance to verified, in ms: the half of them, and 95 of 100."""
    found = [value for each in history for value in (each.p50_ms, each.p95_ms) if value is not None]
    most = max(found, default=0.0)
    lines = [
        ("p50", _points([each.p50_ms for each in history], most)),
        ("p95", _points([each.p95_ms for each in history], most)),
    ]
    words = f"at most {round(most)} ms for 95 of 100" if found else "nothing was verified"
    return Chart((), lines, most, words)


def _points(values: Sequence[float | None], most: float) -> str:
    """Return the points of a line; where there is no value, it goes straight on. A single one is a dot."""
    step = WIDTH / max(1, len(values) - 1)
    places = [(place * step, value) for place, value in enumerate(values) if value is not None]
    places = places * 2 if len(places) == 1 else places
    return " ".join(f"{x:.1f},{HEIGHT - HEIGHT * value / (most or 1):.1f}" for x, value in places)

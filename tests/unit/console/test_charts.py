"""Charts of a history."""

from datetime import UTC, datetime, timedelta

from app.console.charts import HEIGHT, WIDTH, latency_chart, requests_chart, worth_drawing
from app.services.stats_history import Moment

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def moment(
    minute: int, accepted: int = 0, succeeded: int = 0, failed: int = 0, p95: float | None = None
) -> Moment:
    return Moment(NOW + timedelta(minutes=minute), accepted, succeeded, failed, p95 and p95 / 2, p95)


def test_bars_stand_on_each_other_and_fill_the_highest_step() -> None:
    chart = requests_chart([moment(0, 10, 6, 1), moment(1), moment(2, 5, 5)])
    first = [bar for bar in chart.bars if bar.x == 0]
    assert [(bar.kind, bar.height) for bar in first] == [("good", 72.0), ("bad", 12.0), ("open", 36.0)]
    assert first[-1].y == 0
    assert all(bar.y + bar.height == HEIGHT for bar in chart.bars if bar.kind == "good")
    assert (chart.most, chart.words) == (10, "15 requests were accepted, and 1 have failed")


def test_lines_go_straight_on_where_nothing_was_verified() -> None:
    chart = latency_chart([moment(0, p95=100.0), moment(1), moment(2, p95=50.0)])
    lines = dict(chart.lines)
    assert lines["p95"] == f"0.0,0.0 {WIDTH}.0,60.0"
    assert lines["p50"] == f"0.0,60.0 {WIDTH}.0,90.0"
    assert chart.words == "at most 100 ms for 95 of 100"


def test_nothing_makes_no_trouble() -> None:
    for history in ([], [moment(0)]):
        assert (requests_chart(history).bars, requests_chart(history).most) == ([], 0)
        assert latency_chart(history).words == "nothing was verified"
    assert dict(latency_chart([moment(0, p95=1.0)]).lines)["p95"] == "0.0,0.0 0.0,0.0"


def test_the_time_before_the_first_request_is_left_out() -> None:
    history = [moment(minute, 1 if minute == 100 else 0) for minute in range(180)]
    assert worth_drawing(history)[0].at == NOW + timedelta(minutes=100)
    assert len(worth_drawing([moment(minute) for minute in range(180)])) == 30
    assert len(worth_drawing(history[:101])) == 30
    assert worth_drawing([]) == []

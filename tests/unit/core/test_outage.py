"""A part that is away for hours makes a line for each fault, and one when it is back."""

from structlog.testing import capture_logs

from app.core.logging import get_logger
from app.core.outage import Outage


def test_each_fault_is_said_once_and_the_end_once() -> None:
    with capture_logs() as lines:
        outage = Outage(get_logger("app.some"), "no tea: the kettle is away", "tea again")
        outage.end()
        for _ in range(3):
            outage.note(ConnectionError("refused"))
            outage.note(TimeoutError("no answer"))
        outage.end()
        outage.end()
        outage.note(ConnectionError("refused"))
    assert [(line["event"], line.get("error")) for line in lines] == [
        ("no tea: the kettle is away", "refused"),
        ("no tea: the kettle is away", "no answer"),
        ("tea again", None),
        ("no tea: the kettle is away", "refused"),
    ]


def test_faults_that_all_differ_make_few_lines() -> None:
    with capture_logs() as lines:
        outage = Outage(get_logger("app.some"), "no tea", "tea again")
        for number in range(100):
            outage.note(ConnectionError(f"refused from port {number}"))
    assert len(lines) == 20

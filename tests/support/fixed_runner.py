"""A runner without Ansible, which decides how runs end."""

from collections.abc import Callable
from threading import Event

from app.domain.change import ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult

AWAY = ChangeResult(Outcome.FAILED, "server_unreachable", "connection refused")
APPLIED = ChangeResult(Outcome.APPLIED)


class FixedRunner:
    """A runner whose runs end with the same result for every change."""

    def __init__(self, result: ChangeResult) -> None:
        self.runs: list[Run] = []
        self._result = result

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """End with the result."""
        self.runs.append(run)
        return RunResult(rc=0, results={change.request_id: self._result for change in run.changes})

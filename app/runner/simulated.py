"""The simulation: takes its time, fails now and then, and changes nothing."""

import random
from collections.abc import Callable
from threading import Event

from app.domain.change import Change, ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult

_APPLIED = ChangeResult(Outcome.APPLIED, None, "simulated")
_FORECAST = ChangeResult(Outcome.APPLIED, None, "the simulation would apply it")
_FAILED = ChangeResult(Outcome.FAILED, "simulated_failure", "the simulation lets this change fail")


class SimulatedRunner:
    """Says that each change was applied, or at the given rate (0 to 1) that it failed; `delay` in seconds."""

    def __init__(self, delay: float, failure_rate: float) -> None:
        self._delay = delay
        self._failure_rate = failure_rate

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Pretend to execute `run`. In check mode nothing fails and nothing takes time."""
        if run.check:
            forecast = {change.request_id: _FORECAST for change in run.changes}
            return RunResult(rc=0, results=forecast)
        on_event(RunEvent(f"simulating {len(run.changes)} changes on {run.backend}"))
        if cancel.wait(min(self._delay, run.timeout)):
            return RunResult(rc=None, results={}, why="cancelled")
        if self._delay > run.timeout:
            return RunResult(rc=None, results={}, why="timeout")
        return RunResult(rc=0, results={change.request_id: self._result(change) for change in run.changes})

    def _result(self, change: Change) -> ChangeResult:
        return _FAILED if random.random() < self._failure_rate else _APPLIED  # noqa: S311

"""The simulation of a run: it takes some time, fails at a given rate, and changes nothing."""

import random
from collections.abc import Callable
from threading import Event

from app.domain.change import Change, ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult

_APPLIED = ChangeResult(Outcome.APPLIED, None, "simulated")
_WOULD_APPLY = ChangeResult(Outcome.APPLIED, None, "the simulation would apply it")
_FAILED = ChangeResult(Outcome.FAILED, "simulated_failure", "the simulation lets this change fail")


class SimulatedRunner:
    """Reports each change as applied, or at `failure_rate` (0 to 1) as failed, after `delay` seconds."""

    def __init__(self, delay: float, failure_rate: float) -> None:
        self._delay = delay
        self._failure_rate = failure_rate

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Pretend to execute `run`. In check mode nothing fails and it takes no time."""
        if run.check:
            return RunResult(rc=0, results={change.request_id: _WOULD_APPLY for change in run.changes})
        count = len(run.changes)
        on_event(RunEvent(f"simulated: nothing was sent to a DNS server (changes: {count})"))
        if cancel.wait(min(self._delay, run.timeout)):
            return RunResult(rc=None, results={}, why="cancelled")
        if self._delay > run.timeout:
            return RunResult(rc=None, results={}, why="timeout")
        return RunResult(rc=0, results={change.request_id: self._result(change) for change in run.changes})

    def _result(self, change: Change) -> ChangeResult:
        return _FAILED if random.random() < self._failure_rate else _APPLIED  # noqa: S311

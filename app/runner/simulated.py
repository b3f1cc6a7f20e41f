"""The simulation of a run: it takes some time, fails at a given rate, and changes nothing.

What is there is what the records say; where they say nothing, there is nothing.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from uuid import UUID

from app.domain.change import NOTHING, Change, ChangeResult, Outcome, RRsetKey, RRsetState
from app.domain.expectation import after, is_unexpected
from app.runner.protocol import Run, RunEvent, RunResult

_APPLIED = ChangeResult(Outcome.APPLIED, None, "simulated")
_WOULD_APPLY = ChangeResult(Outcome.APPLIED, None, "the simulation would apply it")
_FAILED = ChangeResult(Outcome.FAILED, "simulated_failure", "the simulation lets this change fail")
_STATE_CHANGED = ChangeResult(
    Outcome.FAILED, "state_changed", "the records have another RRset than is expected"
)


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
        return RunResult(rc=0, results=self._apply(run.changes, dict(run.recorded)))

    def _apply(
        self, changes: Sequence[Change], there: dict[RRsetKey, RRsetState]
    ) -> dict[UUID, ChangeResult]:
        """Apply changes to the RRsets that are recorded; return the result of each."""
        results: dict[UUID, ChangeResult] = {}
        for change in changes:
            before = there.get(change.key, NOTHING)
            result = self._result(change, before)
            if result.outcome is Outcome.APPLIED:
                there[change.key] = after(change, before)
            results[change.request_id] = replace(result, before=before)
        return results

    def _result(self, change: Change, before: RRsetState) -> ChangeResult:
        if change.expect is not None and is_unexpected(change, change.expect, before):
            return _STATE_CHANGED
        return _FAILED if random.random() < self._failure_rate else _APPLIED  # noqa: S311

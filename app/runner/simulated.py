"""The simulation of a run: it takes some time, fails at a given rate, and changes nothing.

What is there is what the records say; where they say nothing, there is nothing.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from threading import Event
from uuid import UUID

from app.domain.change import Change, ChangeResult, Outcome
from app.domain.effects import UNKNOWN, Effect, RRset, apply, state_of
from app.runner.protocol import Run, RunEvent, RunResult

_APPLIED = "simulated"
_NOTHING_SENT = "simulated: nothing was sent to a DNS server"
_WOULD_APPLY = "the simulation would apply it"
_FAILED = ChangeResult(Outcome.FAILED, "simulated_failure", "the simulation lets this change fail")


class SimulatedRunner:
    """Reports what servers would take as applied, or at `failure_rate` (0 to 1) as failed.

    That takes `delay` seconds.
    """

    def __init__(self, delay: float, failure_rate: float) -> None:
        self._delay = delay
        self._failure_rate = failure_rate

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Pretend to execute `run`. In check mode nothing fails by chance, and it takes no time."""
        if run.check:
            return RunResult(rc=0, results=_applied(run, _WOULD_APPLY, failure_rate=0))
        count = len(run.changes)
        on_event(RunEvent(f"{_NOTHING_SENT} (changes: {count})", told=_NOTHING_SENT))
        if cancel.wait(min(self._delay, run.timeout)):
            return RunResult(rc=None, results={}, why="cancelled")
        if self._delay > run.timeout:
            return RunResult(rc=None, results={}, why="timeout")
        return RunResult(rc=0, results=_applied(run, _APPLIED, self._failure_rate))


def _applied(run: Run, words: str, failure_rate: float) -> dict[UUID, ChangeResult]:
    """Apply the changes, one after the other, to the RRsets that are recorded; return the result of each.

    What no server would do fails as it does there.
    """
    names: dict[str, dict[str, RRset]] = {}
    for key, there in run.recorded.items():
        names.setdefault(key.name, {})[key.type] = RRset(there.ttl or 0, there.rdata)
    results: dict[UUID, ChangeResult] = {}
    for _, unit in groupby(run.changes, key=lambda change: change.group or change.request_id):
        changes = list(unit)
        at_names = {change.name: names.get(change.name, {}) for change in changes}
        found = _apply_each(changes, at_names, words, failure_rate)
        culprit = next(
            (change for change in changes if found[change.request_id].outcome is Outcome.FAILED), None
        )
        if culprit is None or len(changes) == 1:
            names |= at_names
        else:
            found = {key: _failed_with(culprit, result) for key, result in found.items()}
        results |= found
    return results


def _failed_with(culprit: Change, result: ChangeResult) -> ChangeResult:
    """Return the result of a change in a group of which the culprit has failed."""
    if result.outcome is Outcome.FAILED:
        return result
    message = f"not carried out, because {culprit.key} of the same group failed"
    return ChangeResult(Outcome.FAILED, "atomic_failed", message, result.before)


def _apply_each(
    changes: Sequence[Change], names: dict[str, dict[str, RRset]], words: str, failure_rate: float
) -> dict[UUID, ChangeResult]:
    """Apply the changes to the RRsets at their names, one after the other."""
    results: dict[UUID, ChangeResult] = {}
    for change in changes:
        at_name = dict(names.get(change.name, {}))
        effect = apply(change, at_name)
        result = _result(effect, words)
        if result.outcome is Outcome.APPLIED and random.random() < failure_rate:  # noqa: S311
            result = _FAILED
        if result.outcome is not Outcome.FAILED:
            names[change.name] = at_name
        results[change.request_id] = replace(result, before=state_of(effect.before))
    return results


def _result(effect: Effect, words: str) -> ChangeResult:
    planned = effect.planned
    if planned.outcome == UNKNOWN and planned.code is None:
        return ChangeResult(Outcome.FAILED, "rrset_missing", f"there is no {effect.change.key} to update")
    outcome = Outcome.FAILED if planned.outcome == UNKNOWN else Outcome(planned.outcome)
    return ChangeResult(outcome, planned.code, words if outcome is Outcome.APPLIED else planned.message)

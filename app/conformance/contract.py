"""The points of the playbook contract, each judged by how the runs of a trial ended and their results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.conformance.trial import Step
from app.domain.change import ChangeResult, Outcome

_MAX_SHOWN = 5  # breaches of one point

Results = Mapping[UUID, ChangeResult]


@dataclass(frozen=True, slots=True)
class Finding:
    """One point of the contract, and in words what breaks it; `note` says what could not be judged."""

    check: str
    broken: Sequence[str] = ()
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether this point is kept."""
        return not self.broken

    def as_json(self) -> dict[str, object]:
        """Return the finding for programs: {"check", "holds", "broken": [text], "note"}."""
        return {"check": self.check, "holds": self.holds, "broken": list(self.broken), "note": self.note}


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One run of the trial: what was asked, and how it ended."""

    title: str
    steps: Sequence[Step]
    results: Results
    rc: int | None
    why: str | None  # "timeout", "cancelled" or "lost" when it did not end by itself
    problems: Sequence[str]  # what is wrong with the results file

    def result(self, step: Step) -> ChangeResult | None:
        """Return the playbook's result for a step; None if there is none."""
        return self.results.get(step.change.request_id)

    def did(self, step: Step) -> bool:
        """Return whether the playbook reports the step as done."""
        result = self.result(step)
        return result is not None and result.outcome is not Outcome.FAILED

    @property
    def undone(self) -> list[Step]:
        """The steps that can be done, but are not reported as done."""
        return [step for step in self.steps if not step.is_bad and not self.did(step)]


def runs_end(runs: Iterable[TrialRun]) -> Finding:
    """Every run ends by itself."""
    return Finding("runs end", [f"{run.title}: {run.why}" for run in runs if run.why])


def exit_status(runs: Iterable[TrialRun]) -> Finding:
    """The exit status is 0, even when changes failed."""
    found = [f"{run.title}: exit status {run.rc}" for run in runs if run.rc not in (0, None)]
    return Finding("exit status", found)


def results_file(runs: Iterable[TrialRun]) -> Finding:
    """There is a results file, and everything in it can be understood."""
    found = [f"{run.title}: the results file {problem}" for run in runs for problem in run.problems]
    return Finding("results file", _shorten(found))


def complete(runs: Iterable[TrialRun]) -> Finding:
    """Every change has a result."""
    missing = [
        f"{run.title}: no result for {step}" for run in runs for step in run.steps if not run.result(step)
    ]
    return Finding("results complete", _shorten(missing))


def outcomes(runs: Iterable[TrialRun]) -> Finding:
    """Every change that can be made is made."""
    found = [
        f"{run.title}: {step} failed: {result.code}, {result.message}"
        for run in runs
        for step in run.undone
        if (result := run.result(step))
    ]
    return Finding("outcomes", _shorten(found))


def bad_change(runs: Iterable[TrialRun]) -> Finding:
    """A change that can't be made is reported as failed."""
    wrong = [(run, step) for run in runs for step in run.steps if step.is_bad and run.did(step)]
    return Finding("bad change", [f"{run.title}: said to be done: {step}" for run, step in wrong])


def neighbours(with_bad: TrialRun, without: TrialRun | None) -> Finding:
    """A change that fails does not affect the others; `without` is the same batch without the bad change."""
    affected = [step for step in with_bad.undone if without is not None and without.did(step)]
    return Finding(
        "neighbours", _shorten([f"not done because of the bad change: {step}" for step in affected])
    )


def _shorten(found: Sequence[str]) -> Sequence[str]:
    more = len(found) - _MAX_SHOWN
    return [*found[:_MAX_SHOWN], f"and {more} more like that"] if more > 1 else found

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
    """One point of the contract, and in words what breaks it.

    `not_tried` says why it could not be tried; `note` what else is to be said.
    """

    check: str
    broken: Sequence[str] = ()
    note: str = ""
    not_tried: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether this point is kept; None if it could not be tried."""
        if self.broken:
            return False
        return None if self.not_tried else True

    @property
    def lines(self) -> Sequence[str]:
        """What is to be said of it."""
        return self.broken or [self.not_tried or self.note]

    def as_json(self) -> dict[str, object]:
        """Return the finding for programs: {"check", "holds": bool or null, "broken": [text], "note"}."""
        note = self.not_tried or self.note
        return {"check": self.check, "holds": self.holds, "broken": list(self.broken), "note": note}


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One run of the trial: what was asked, and how it ended."""

    title: str
    steps: Sequence[Step]
    results: Results
    rc: int | None
    why: str | None  # "timeout", "cancelled" or "lost" when it did not end by itself
    problems: Sequence[str]  # what is wrong with the results file
    reason: str = ""  # what Ansible says of its failure

    def result(self, step: Step) -> ChangeResult | None:
        """Return the playbook's result for a step; None if there is none."""
        return self.results.get(step.change.request_id)

    def did(self, step: Step) -> bool:
        """Return whether the playbook reports the step as done."""
        result = self.result(step)
        return result is not None and result.outcome is not Outcome.FAILED

    def because(self, what: str) -> str:
        """Return what is wrong with the run, with Ansible's reason if it gave one."""
        return f"{self.title}: {what}: {self.reason}" if self.reason else f"{self.title}: {what}"

    @property
    def undone(self) -> list[Step]:
        """The steps that can be done, but are not reported as done."""
        return [step for step in self.steps if not step.is_bad and not self.did(step)]


def runs_end(runs: Iterable[TrialRun]) -> Finding:
    """Every run ends by itself."""
    return Finding("runs end", [run.because(run.why) for run in runs if run.why])


def exit_status(runs: Iterable[TrialRun]) -> Finding:
    """The exit status is 0, even when changes failed."""
    ended = [run for run in runs if run.rc is not None]
    found = [run.because(f"exit status {run.rc}") for run in ended if run.rc != 0]
    return Finding("exit status", found, not_tried="" if ended else "no run ended by itself")


def results_file(runs: Iterable[TrialRun]) -> Finding:
    """There is a results file, and everything in it can be understood."""
    found = [run.because(f"the results file {problem}") for run in runs for problem in run.problems]
    return Finding("results file", _shorten(found))


def complete(runs: Iterable[TrialRun]) -> Finding:
    """Every change has a result."""
    missing = [
        f"{run.title}: no result for {step}" for run in runs for step in run.steps if not run.result(step)
    ]
    return Finding("results complete", _shorten(missing))


def outcomes(runs: Sequence[TrialRun]) -> Finding:
    """Every change that can be made is made."""
    found = [
        f"{run.title}: {step} failed: {result.code}, {result.message}"
        for run in runs
        for step in run.undone
        if (result := run.result(step))
    ]
    return Finding("outcomes", _shorten(found), not_tried=_without_results(runs))


def bad_change(runs: Sequence[TrialRun]) -> Finding:
    """A change that can't be made is reported as failed."""
    results = [(run, step) for run in runs for step in run.steps if step.is_bad and run.result(step)]
    wrong = [f"{run.title}: said to be done: {step}" for run, step in results if run.did(step)]
    return Finding("bad change", wrong, not_tried="" if results else "no run has a result for the bad change")


def neighbours(with_bad: TrialRun, without: TrialRun | None) -> Finding:
    """A change that fails does not affect the others; `without` is the same batch without the bad change."""
    affected = [step for step in with_bad.undone if without is not None and without.did(step)]
    nothing = without is not None and not any(map(without.did, without.steps))
    return Finding(
        "neighbours",
        _shorten([f"not done because of the bad change: {step}" for step in affected]),
        not_tried="nothing is done without the bad change either" if nothing else "",
    )


def condition(name: str, run: TrialRun, *, declared: bool) -> Finding:
    """Changes whose condition does not hold fail; a playbook that is not declared to see to it need not."""
    made = [f"{run.title}: said to be done: {step}" for step in run.steps if run.did(step)]
    if not made and any(run.result(step) is None for step in run.steps):
        return Finding(name, not_tried="there is no result for it")
    if not made:
        note = (
            "" if declared else f"honoured; to have such changes sent, list {name} in dns_honours of the host"
        )
        return Finding(name, note=note)
    if declared:
        return Finding(name, _shorten(made))
    return Finding(name, not_tried="ignored: such changes are not sent, and fail with not_honoured")


def _without_results(runs: Iterable[TrialRun]) -> str:
    return "" if any(run.results for run in runs) else "there are no results"


def _shorten(found: Sequence[str]) -> Sequence[str]:
    more = len(found) - _MAX_SHOWN
    return [*found[:_MAX_SHOWN], f"and {more} more like that"] if more > 1 else found

"""Whether a playbook keeps its contract, judged by what it said of a trial and by what the servers answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.conformance.trial import Step
from app.domain.change import ChangeResult, Outcome

_SHOWN = 5  # of many breaches of one kind

Results = Mapping[UUID, ChangeResult]


@dataclass(frozen=True, slots=True)
class Finding:
    """One point of the contract: it holds when nothing breaks it; `note` is for what could not be judged."""

    check: str
    broken: Sequence[str] = ()
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether this point is kept."""
        return not self.broken

    def as_json(self) -> dict[str, object]:
        """The finding for programs."""
        return {"check": self.check, "holds": self.holds, "broken": list(self.broken), "note": self.note}


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the trial: what was asked, and how it ended."""

    title: str
    steps: Sequence[Step]
    results: Results
    rc: int | None
    why: str | None  # when it did not end by itself
    problems: Sequence[str]  # of the results file

    def result(self, step: Step) -> ChangeResult | None:
        """What the playbook said of a step."""
        return self.results.get(step.change.request_id)

    def did(self, step: Step) -> bool:
        """Whether the playbook says that the step is done."""
        result = self.result(step)
        return result is not None and result.outcome is not Outcome.FAILED

    @property
    def undone(self) -> list[Step]:
        """The steps that could have been done and were not."""
        return [step for step in self.steps if not step.is_bad and not self.did(step)]


def runs_end(runs: Iterable[Ran]) -> Finding:
    """Every run ends by itself."""
    return Finding("runs end", [f"{ran.title}: {ran.why}" for ran in runs if ran.why])


def exit_status(runs: Iterable[Ran]) -> Finding:
    """The exit status is 0, also when changes were refused."""
    found = [f"{ran.title}: exit status {ran.rc}" for ran in runs if ran.rc not in (0, None)]
    return Finding("exit status", found)


def results_file(runs: Iterable[Ran]) -> Finding:
    """There is a results file, and all of it can be understood."""
    found = [f"{ran.title}: the results file {problem}" for ran in runs for problem in ran.problems]
    return Finding("results file", _some(found))


def complete(runs: Iterable[Ran]) -> Finding:
    """Every change has a result."""
    missing = [
        f"{ran.title}: no result for {step}" for ran in runs for step in ran.steps if not ran.result(step)
    ]
    return Finding("results complete", _some(missing))


def outcomes(runs: Iterable[Ran]) -> Finding:
    """What can be done is done."""
    found = [
        f"{ran.title}: {step} failed: {result.code}, {result.message}"
        for ran in runs
        for step in ran.undone
        if (result := ran.result(step))
    ]
    return Finding("outcomes", _some(found))


def bad_change(runs: Iterable[Ran]) -> Finding:
    """What can't be done has failed."""
    lies = [(ran, step) for ran in runs for step in ran.steps if step.is_bad and ran.did(step)]
    return Finding("bad change", [f"{ran.title}: said to be done: {step}" for ran, step in lies])


def neighbours(with_bad: Ran, without: Ran | None) -> Finding:
    """A change that fails leaves the others alone: `without` is the same batch without the bad change."""
    hit = [step for step in with_bad.undone if without is not None and without.did(step)]
    return Finding("neighbours", _some([f"not done because of the bad change: {step}" for step in hit]))


def _some(found: Sequence[str]) -> Sequence[str]:
    more = len(found) - _SHOWN
    return [*found[:_SHOWN], f"and {more} more like that"] if more > 1 else found

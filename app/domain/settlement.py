"""What becomes of each request, judged by what the run said and by what the servers answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.change import Change, ChangeResult, Outcome, RRsetKey
from app.domain.errors import AWAY, DOUBTFUL
from app.domain.expectation import Answer, Expectation, expectations
from app.domain.lifecycle import Status

Answers = Mapping[str, Mapping[RRsetKey, Answer]]  # by server, the one that takes updates first


@dataclass(frozen=True, slots=True)
class Held:
    """A request in a worker's hands."""

    change: Change
    result: ChangeResult | None  # None: the outcome is unknown
    lost_runs: int = 0  # earlier runs whose outcome stayed unknown
    overdue: bool = False  # the deadline of its verification has passed

    @property
    def away(self) -> bool:
        """Whether the server was not there to take it."""
        return self.result is not None and self.result.code in AWAY

    @property
    def refused(self) -> bool:
        """Whether it can't succeed as it is."""
        failed = self.result is not None and self.result.outcome is Outcome.FAILED
        return failed and not self.away and not self.unsure

    @property
    def unsure(self) -> bool:
        """Whether nobody knows if it was applied."""
        return self.result is None or self.result.code in DOUBTFUL

    @property
    def tried(self) -> bool:
        """Whether the servers are to be asked about it."""
        return not self.refused and not self.away


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a request now."""

    status: Status
    message: str
    code: str | None = None  # of the error, when it failed
    lost: bool = False  # the run's outcome stayed unknown
    away: bool = False  # the backend was not there to take it


def judge(held: Iterable[Held], answers: Answers, max_attempts: int) -> dict[UUID, Fate]:
    """Every request's fate; those of one RRset are judged together, in the order given.

    A request succeeds only when all servers answer what all requests for its RRset add up to.
    """
    groups: dict[RRsetKey, list[Held]] = {}
    for item in held:
        groups.setdefault(item.change.key, []).append(item)
    fates: dict[UUID, Fate] = {}
    for key, group in groups.items():
        fates |= _judge_rrset(key, group, answers, max_attempts)
    return fates


def _judge_rrset(key: RRsetKey, group: list[Held], answers: Answers, max_attempts: int) -> dict[UUID, Fate]:
    refused, tried = _split(group)
    done, postponed = _before(tried, [item.away for item in tried])
    fates = {item.change.request_id: _refusal(item) for item in refused}
    fates |= {item.change.request_id: _postponement(postponed[0]) for item in postponed}
    wrong = _wrong(key, done, answers) if done else ""
    if not wrong:
        verified = Fate(Status.SUCCEEDED, f"answered by {_listed(answers)}")
        return fates | {item.change.request_id: verified for item in done}
    sure, unsure = _before(done, [item.unsure for item in done])
    fates |= {item.change.request_id: _waiting(item, wrong) for item in sure}
    fates |= {item.change.request_id: _lost(item, wrong, max_attempts) for item in unsure}
    return fates


def _split(group: Iterable[Held]) -> tuple[list[Held], list[Held]]:
    refused: list[Held] = []
    tried: list[Held] = []
    for item in group:
        (refused if item.refused else tried).append(item)
    return refused, tried


def _before(items: list[Held], marks: Sequence[bool]) -> tuple[list[Held], list[Held]]:
    """The items before the first mark, and those from it on: they must keep their order."""
    cut = marks.index(True) if True in marks else len(items)
    return items[:cut], items[cut:]


def _wrong(key: RRsetKey, done: Sequence[Held], answers: Answers) -> str:
    """What each server that does not answer as it should says instead; empty when all do."""
    expectation = expectations(item.change for item in done).get(key, Expectation())
    complaints = ((server, expectation.unmet(said[key])) for server, said in answers.items())
    return "; ".join(f"{server}: {complaint}" for server, complaint in complaints if complaint)


def _refusal(item: Held) -> Fate:
    code = item.result.code if item.result else None
    message = item.result.message if item.result else None
    return Fate(Status.FAILED, message or "the playbook refused it", code or "refused")


def _postponement(first: Held) -> Fate:
    message = first.result.message if first.result else None
    return Fate(Status.PENDING, f"will be tried again: {message or 'the server is away'}", away=True)


def _waiting(item: Held, wrong: str) -> Fate:
    if item.overdue:
        return Fate(Status.FAILED, f"not answered as asked in time; {wrong}", "not_answered")
    return Fate(Status.VERIFYING, f"applied, not answered everywhere yet; {wrong}")


def _lost(item: Held, wrong: str, max_attempts: int) -> Fate:
    said = item.result.message if item.result else "the run ended without a result for it"
    if item.lost_runs + 1 >= max_attempts:
        code = item.result.code if item.result else "outcome_unknown"
        return Fate(Status.FAILED, f"{said}; {wrong}", code, lost=True)
    return Fate(Status.PENDING, f"will be tried again: {said}; {wrong}", lost=True)


def _listed(answers: Answers) -> str:
    return ", ".join(answers) or "no server: there is none to ask"

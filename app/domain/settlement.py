"""What becomes of each request of a batch, decided by the results of the run and by the servers' answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.change import Change, ChangeResult, Outcome, RRsetKey
from app.domain.errors import BACKEND_UNAVAILABLE_CODES, UNCERTAIN_CODES, ZONE_UNAVAILABLE_CODES
from app.domain.expectation import Answer, Expectation, expectations
from app.domain.lifecycle import Status

_UNAVAILABLE_CODES = (BACKEND_UNAVAILABLE_CODES | ZONE_UNAVAILABLE_CODES) - {"playbook_failed"}

Answers = Mapping[str, Mapping[RRsetKey, Answer]]  # by server, the one that takes updates first


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request that a worker has claimed, with what is known of it after the run."""

    change: Change
    result: ChangeResult | None  # None: the outcome is unknown
    lost_runs: int = 0  # earlier runs whose outcome stayed unknown
    overdue: bool = False  # the deadline of its verification has passed

    @property
    def not_sent(self) -> bool:
        """Whether the backend was unavailable, so that nothing was sent."""
        return self.result is not None and self.result.code in _UNAVAILABLE_CODES

    @property
    def uncertain(self) -> bool:
        """Whether it is unknown if the change was applied."""
        return self.result is None or self.result.code in UNCERTAIN_CODES

    @property
    def refused(self) -> bool:
        """Whether the server or the playbook refused the change for good."""
        failed = self.result is not None and self.result.outcome is Outcome.FAILED
        return failed and not self.not_sent and not self.uncertain

    @property
    def needs_answers(self) -> bool:
        """Whether the servers must be asked before the request can be settled."""
        return not self.refused and not self.not_sent


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request now: its next status, and why."""

    status: Status
    message: str
    code: str | None = None  # of the error, when it failed
    run_lost: bool = False  # the run's outcome stayed unknown: one strike
    backend_unavailable: bool = False  # the backend was unavailable: no strike


def decide(requests: Iterable[InFlight], answers: Answers, max_attempts: int) -> dict[UUID, Decision]:
    """Decide on every request. Those of one RRset are judged together, in the order given.

    A request succeeds only when all servers answer what all requests for its RRset add up to.
    """
    by_rrset: dict[RRsetKey, list[InFlight]] = {}
    for request in requests:
        by_rrset.setdefault(request.change.key, []).append(request)
    decisions: dict[UUID, Decision] = {}
    for key, group in by_rrset.items():
        decisions |= _decide_on_rrset(key, group, answers, max_attempts)
    return decisions


def _decide_on_rrset(
    key: RRsetKey, group: list[InFlight], answers: Answers, max_attempts: int
) -> dict[UUID, Decision]:
    decisions = {item.change.request_id: _refused(item) for item in group if item.refused}
    sendable = [item for item in group if not item.refused]
    sent, postponed = _cut_before_first(sendable, [item.not_sent for item in sendable])
    decisions |= {item.change.request_id: _postponed(postponed[0]) for item in postponed}
    complaint = _complaint(key, sent, answers) if sent else ""
    if not complaint:
        succeeded = Decision(
            Status.SUCCEEDED, f"answered by {', '.join(answers) or 'no server: none to ask'}"
        )
        return decisions | {item.change.request_id: succeeded for item in sent}
    applied, uncertain = _cut_before_first(sent, [item.uncertain for item in sent])
    decisions |= {item.change.request_id: _not_answered(item, complaint) for item in applied}
    decisions |= {item.change.request_id: _lost(item, complaint, max_attempts) for item in uncertain}
    return decisions


def _cut_before_first(items: list[InFlight], marks: Sequence[bool]) -> tuple[list[InFlight], list[InFlight]]:
    """Return the items before the first marked one, and all from there on: requests must keep their order."""
    cut = marks.index(True) if True in marks else len(items)
    return items[:cut], items[cut:]


def _complaint(key: RRsetKey, sent: Sequence[InFlight], answers: Answers) -> str:
    """Say what each server answers that does not answer as it should; empty when all do."""
    expectation = expectations(item.change for item in sent).get(key, Expectation())
    unmet = ((server, expectation.unmet(answered[key])) for server, answered in answers.items())
    return "; ".join(f"{server}: {what}" for server, what in unmet if what)


def _refused(item: InFlight) -> Decision:
    code = item.result.code if item.result else None
    message = item.result.message if item.result else None
    return Decision(Status.FAILED, message or "the playbook refused it", code or "refused")


def _postponed(first: InFlight) -> Decision:
    message = first.result.message if first.result else None
    why = message or "the server is unavailable"
    return Decision(Status.PENDING, f"will be tried again: {why}", backend_unavailable=True)


def _not_answered(item: InFlight, complaint: str) -> Decision:
    if item.overdue:
        return Decision(Status.FAILED, f"not answered as asked in time; {complaint}", "not_answered")
    return Decision(Status.VERIFYING, f"applied, not answered everywhere yet; {complaint}")


def _lost(item: InFlight, complaint: str, max_attempts: int) -> Decision:
    known = item.result.message if item.result else "the run ended without a result for it"
    if item.lost_runs + 1 >= max_attempts:
        code = item.result.code if item.result else "outcome_unknown"
        return Decision(Status.FAILED, f"{known}; {complaint}", code, run_lost=True)
    return Decision(Status.PENDING, f"will be tried again: {known}; {complaint}", run_lost=True)

"""What becomes of each request of a batch, decided by the results of the run and by the servers' answers.

A fault of the whole is never booked on a part: where nothing was sent, or nobody could look, the backend or
the zone rests, and no request is to blame. A request fails on evidence about itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

from app.domain.believed import Answers
from app.domain.change import Action, Change, ChangeResult, Outcome, RRsetKey
from app.domain.errors import UndoConflict
from app.domain.expectation import Answer, Expectation, expectations
from app.domain.lifecycle import Status
from app.domain.ptr import NOT_OURS
from app.domain.retry_policy import OUTCOME_UNKNOWN, RUN_STOPPED, Kind, Policy, Scope, of_result
from app.domain.server_answers import AnswerState, ServerAnswer, all_as_asked
from app.domain.told import of_failure

_AGAIN = "will be tried again"
_NOT_KEPT, _TTL_NOT_KEPT, _NOT_ANSWERED = "not_kept", "ttl_not_kept", "not_answered"
APPLIED_AND_FAILED = (_NOT_KEPT, _TTL_NOT_KEPT, _NOT_ANSWERED)
_CAUSES = {
    _NOT_KEPT: (
        "a policy of the server drops or alters it without a word,"
        " or a view answers that is another one than the update's (dns_verify_key_file)"
    ),
    _TTL_NOT_KEPT: "the server has a limit of its own, as BIND's max-zone-ttl",
}


class Fault(NamedTuple):
    """What keeps a whole backend, or a whole zone, from being worked on."""

    scope: Scope
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request that a worker has claimed, with what is known of it after the run."""

    change: Change
    result: ChangeResult | None  # None: the outcome is unknown
    lost_runs: int = 0  # earlier runs whose outcome stayed unknown
    overdue: bool = False  # the deadline of its verification has passed
    primary_overdue: bool = False  # the primary has had its time to answer what it has taken
    blamable: bool = False  # it was alone in its run, and others have ended well since its last one
    stopped: bool = False  # its run was, because the worker was to end
    is_undo: bool = False  # it takes another request back
    is_ptr: bool = False  # it keeps the PTR of another request's address

    @property
    def code(self) -> str:
        """The code of its result, where that is a failure or unknown."""
        return (self.result.code if self.result else None) or OUTCOME_UNKNOWN

    @property
    def policy(self) -> Policy | None:
        """What is done about its result; None where that is a success."""
        if self.result is None:
            return RUN_STOPPED if self.stopped else of_result(OUTCOME_UNKNOWN)
        return of_result(self.result.code or "refused") if self.result.outcome is Outcome.FAILED else None

    @property
    def _kind(self) -> Kind | None:
        policy = self.policy
        return policy.kind if policy is not None else None

    @property
    def note(self) -> str | None:
        """Why others than the primary may not learn of it, if the playbook has said so."""
        return self.result.note if self.result else None

    @property
    def not_sent(self) -> bool:
        """Whether the backend or the zone was unavailable, so that nothing was sent."""
        return self._kind is Kind.TRANSIENT

    @property
    def uncertain(self) -> bool:
        """Whether it is unknown if the change was applied."""
        return self._kind is Kind.UNKNOWN

    @property
    def refused(self) -> bool:
        """Whether the server or the playbook refused the change for good."""
        return self._kind is Kind.PERMANENT

    @property
    def needs_answers(self) -> bool:
        """Whether the servers must be asked before the request can be settled."""
        return not self.refused and not self.not_sent


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request now: its next status, and why."""

    status: Status
    message: str  # for operators
    told: str  # the same for requesters, without what servers and Ansible say
    code: str | None = None  # of the error, when it failed
    run_lost: bool = False  # the outcome of its run stayed unknown
    fault: Fault | None = None  # of the whole: the backend or the zone must rest
    pauses: bool = False  # it alone waits before its next try; its zone goes on
    unreached: bool = False  # some server gave no answer: the deadline counts from its return
    doubtful: bool = False  # the primary answers otherwise than it has taken: it is asked again soon
    answers: Sequence[ServerAnswer] = ()  # of each server; nothing where none was asked

    @property
    def applied(self) -> bool:
        """Whether the change has been applied: its RRset is as the primary answers it."""
        return self.status in (Status.SUCCEEDED, Status.VERIFYING) or self.code in APPLIED_AND_FAILED

    def __post_init__(self) -> None:
        if (self.status is Status.FAILED) != (self.code is not None):
            raise ValueError(f"a request that {self.status} has the code {self.code!r}")


@dataclass(frozen=True, slots=True)
class _Complaints:
    """What the servers answer that do not answer as they should, for one RRset."""

    by_server: Mapping[str, str]
    hidden: Mapping[str, str]  # the servers that can't show the RRset, and why
    unreached: frozenset[str]  # those that gave no answer
    first: str | None  # the server that is believed: the one that takes updates
    expectation: Expectation
    said: Mapping[str, Answer]
    primary_is_known: bool

    @property
    def answers(self) -> Sequence[ServerAnswer]:
        if not self.by_server and not self.hidden:
            return all_as_asked(tuple(self.said))
        return [self._answer(server) for server in self.said]

    def _answer(self, server: str) -> ServerAnswer:
        if server in self.by_server:
            state = AnswerState.NO_ANSWER if server in self.unreached else AnswerState.OTHERWISE
            return ServerAnswer(server, state, self.by_server[server])
        hidden = self.hidden.get(server)
        return ServerAnswer(server, AnswerState.HIDDEN, hidden) if hidden else ServerAnswer(server)

    @property
    def nobody_looked(self) -> bool:
        return self.first is not None and self.first in self.unreached

    @property
    def first_is_content(self) -> bool:
        return self.first is not None and self.first not in self.by_server and self.first not in self.hidden

    @property
    def primary_contradicts(self) -> bool:
        return self.primary_is_known and self.first in self.by_server and not self.nobody_looked

    @property
    def of_ttl_alone(self) -> bool:
        return self.first is not None and self.expectation.differs_in_ttl_alone(self.said[self.first])

    def concern(self, change: Change) -> bool:
        """Return whether some of it is about this change, and not only about others of its RRset."""
        return any(self.expectation.concerns(change, self.said[server]) for server in self.by_server)

    def __str__(self) -> str:
        return "; ".join(f"{server}: {what}" for server, what in self.by_server.items())


def decide(
    requests: Iterable[InFlight], answers: Answers, max_attempts: int, primary: str | None = None
) -> dict[UUID, Decision]:
    """Decide on every request. Those of one RRset are judged together, in the order given.

    A request succeeds only when all servers answer what all requests for its RRset add up to. `primary` is
    the server of `answers` that takes updates, if it is among them.
    """
    by_rrset: dict[RRsetKey, list[InFlight]] = {}
    for request in requests:
        by_rrset.setdefault(request.change.key, []).append(request)
    undone: set[UUID] = set()
    while True:
        decisions: dict[UUID, Decision] = {}
        for key, own in by_rrset.items():
            decisions |= _decide_on_rrset(key, own, undone, answers, max_attempts, primary)
        again = _all_or_none(by_rrset.values(), undone, decisions)
        found = {
            request_id
            for request_id, decision in again.items()
            if decision.status is Status.PENDING and decisions[request_id].status is not Status.PENDING
        }
        if not found:
            return decisions | again
        undone |= found  # the servers' answers have another reason: those of its RRset are judged without it


def _all_or_none(
    requests: Iterable[Iterable[InFlight]], undone: Collection[UUID], decisions: Mapping[UUID, Decision]
) -> dict[UUID, Decision]:
    """Return what becomes of requests that are all or none where the others of their group are not done.

    A group is one message, so it has been carried out whole or not at all: while one of them has to be tried
    again, or has failed, what the servers show of the others was there already.
    """
    groups: dict[UUID, list[InFlight]] = {}
    for own in requests:
        for item in own:
            if item.change.group is not None:
                groups.setdefault(item.change.group, []).append(item)
    changed: dict[UUID, Decision] = {}
    for group in groups.values():
        changed |= _all_or_none_of(group, undone, [decisions[item.change.request_id] for item in group])
    return changed


def _all_or_none_of(
    group: Sequence[InFlight], undone: Collection[UUID], decisions: Sequence[Decision]
) -> dict[UUID, Decision]:
    both = list(zip(group, decisions, strict=True))
    pending = [(item, decision) for item, decision in both if decision.status is Status.PENDING]
    if not pending:
        return {}
    not_done = [
        item.change.request_id
        for item, decision in both
        if decision.status is Status.PENDING or (decision.code is None and (item.uncertain or item.not_sent))
    ]
    culprit = next((item for item, decision in both if decision.code and not decision.applied), None)
    if culprit is not None:
        message = f"not carried out, because {culprit.change.key} of the same group failed"
        return dict.fromkeys(not_done, _failed(message, "atomic_failed"))
    missing = [decision for item, decision in pending if item.change.request_id not in undone]
    reasons = missing or [decision for _, decision in pending]
    first = next((decision for decision in reasons if decision.fault), reasons[0])
    again = replace(first, run_lost=any(decision.run_lost for _, decision in pending))
    return dict.fromkeys(not_done, again)


def _decide_on_rrset(
    key: RRsetKey,
    requests: list[InFlight],
    undone: Collection[UUID],
    answers: Answers,
    max_attempts: int,
    primary: str | None,
) -> dict[UUID, Decision]:
    """Decide on the requests of an RRset; `undone` are known not to be carried out, whatever is answered."""
    decisions = {item.change.request_id: _refused(item) for item in requests if item.refused}
    sendable = [item for item in requests if not item.refused]
    sent, postponed = _cut_before_first(sendable, [item.not_sent for item in sendable])
    decisions |= {item.change.request_id: _postponed(postponed[0]) for item in postponed}
    sent, behind = _cut_before_first(sent, [item.change.request_id in undone for item in sent])
    if behind:
        all_of_it = _complaints(key, [*sent, *behind], answers, primary)
        decisions |= _uncertain(key, behind, all_of_it, max_attempts)
    return decisions | _decide_on_sent(key, sent, answers, max_attempts, primary)


def _decide_on_sent(
    key: RRsetKey, sent: list[InFlight], answers: Answers, max_attempts: int, primary: str | None
) -> dict[UUID, Decision]:
    complaints = _complaints(key, sent, answers, primary)
    applied, uncertain = _cut_before_first(sent, [item.uncertain for item in sent])
    # What the first server shows has been applied; other servers may lag behind.
    if complaints.first_is_content or not answers:
        applied, uncertain = sent, []
    if not uncertain:
        return _applied(applied, complaints, answers)
    # What is open behind them is no complaint about them, where every server answers what they ask for.
    own = _complaints(key, applied, answers, primary)
    decisions = _applied(applied, complaints if own.by_server else own, answers)
    ahead = _ahead(uncertain, complaints)
    decisions |= _applied(ahead, _complaints(key, ahead, answers, primary), answers)
    behind = [item for item in uncertain if item.change.request_id not in decisions]
    return decisions | _uncertain(key, behind, complaints, max_attempts)


def _ahead(items: Sequence[InFlight], complaints: _Complaints) -> list[InFlight]:
    """Return those that need not wait for the first of the items, whose outcome is unknown.

    They are creates that the first server answers already. Creates with the same TTL add up to the same in
    any order; whatever else comes between keeps all behind it waiting.
    """
    if not items or complaints.first is None or complaints.said[complaints.first].hidden:
        return []
    key, ttl = items[0].change.key, items[0].change.ttl
    creates = takewhile(lambda item: item.change.action is Action.CREATE and item.change.ttl == ttl, items)
    certain = [item for item in creates if not item.uncertain]
    wanted = expectations(item.change for item in certain).get(key, Expectation())
    return [item for item in certain if not wanted.concerns(item.change, complaints.said[complaints.first])]


def _applied(items: Sequence[InFlight], complaints: _Complaints, answers: Answers) -> dict[UUID, Decision]:
    if complaints.by_server:
        return {item.change.request_id: _not_answered(item, complaints) for item in items}
    told = "applied; not every server can show it" if complaints.hidden else "answered by its servers"
    words = _answered_by(answers, complaints.hidden)
    succeeded = Decision(Status.SUCCEEDED, words, told, answers=complaints.answers)
    return {item.change.request_id: succeeded for item in items}


def _cut_before_first(items: list[InFlight], marks: Sequence[bool]) -> tuple[list[InFlight], list[InFlight]]:
    """Return the items before the first marked one, and all from there on: requests must keep their order."""
    cut = marks.index(True) if True in marks else len(items)
    return items[:cut], items[cut:]


def _complaints(
    key: RRsetKey, sent: Sequence[InFlight], answers: Answers, primary: str | None
) -> _Complaints:
    expectation = expectations(item.change for item in sent).get(key, Expectation())
    said = {server: answered[key] for server, answered in answers.items() if sent}
    unmet = {server: expectation.unmet(answer) for server, answer in said.items()}
    return _Complaints(
        expectation=expectation,
        said=said,
        by_server={server: what for server, what in unmet.items() if what},
        hidden={server: answer.hidden for server, answer in said.items() if answer.hidden},
        unreached=frozenset(server for server, answer in said.items() if answer.error is not None),
        first=primary if primary in said else next(iter(said), None),
        primary_is_known=primary in said,
    )


def _answered_by(answers: Answers, hidden: Mapping[str, str]) -> str:
    """Say who answers as asked, and who can't show it: then the run's own result is believed."""
    shown = [server for server in answers if server not in hidden]
    words = [f"answered by {', '.join(shown) or 'no server: none to ask'}"] if shown or not hidden else []
    return "; ".join(
        [*words, *(f"applied, but {server} can't show it: {why}" for server, why in hidden.items())]
    )


def _refused(item: InFlight) -> Decision:
    message = item.result.message if item.result else None
    code = (item.result.code if item.result else None) or "refused"
    if item.is_undo and code == "state_changed":
        code = UndoConflict.code
    elif item.is_ptr and code == "state_changed":
        code = NOT_OURS
    elif code == "state_changed" and message and item.change.expect is not None:
        message += ": plan it again"  # what is neither an undo nor a PTR was planned
    return _failed(message or "the playbook refused it", code)


def _failed(
    message: str,
    code: str,
    fault: Fault | None = None,
    *,
    run_lost: bool = False,
    answers: Sequence[ServerAnswer] = (),
) -> Decision:
    return Decision(
        Status.FAILED, message, of_failure(code), code, run_lost=run_lost, fault=fault, answers=answers
    )


def _postponed(first: InFlight) -> Decision:
    message = first.result.message if first.result else None
    scope = of_result(first.code).opens or Scope.BACKEND
    fault = Fault(scope, first.code, message or "the server is unavailable")
    told = f"{_AGAIN}: its {'zone' if scope is Scope.ZONE else 'DNS servers'} can't be changed now"
    return Decision(Status.PENDING, f"{_AGAIN}: {fault.why}", told, fault=fault)


def _not_answered(item: InFlight, complaints: _Complaints) -> Decision:
    not_kept = complaints.primary_contradicts and item.primary_overdue
    unreached = bool(complaints.unreached)
    not_answered = item.overdue and not unreached
    if (not_kept or not_answered) and not complaints.concern(item.change):
        message = f"answered; what others asked for its RRset is not: {complaints}"
        told = "answered by its servers"
        return Decision(Status.SUCCEEDED, message, told, answers=complaints.answers)
    if not_kept:
        code = _TTL_NOT_KEPT if complaints.of_ttl_alone else _NOT_KEPT
        said = f"the primary has taken it, but answers otherwise: {_CAUSES[code]}"
        return _failed(f"{said}; {complaints}", code, answers=complaints.answers)
    if not_answered:
        message = "; ".join(filter(None, ("not answered as asked in time", str(complaints), item.note)))
        return _failed(message, _NOT_ANSWERED, answers=complaints.answers)
    told = "applied, not answered everywhere yet"
    return Decision(
        Status.VERIFYING,
        "; ".join(filter(None, (told, str(complaints), item.note))),
        told,
        unreached=unreached,
        doubtful=complaints.primary_contradicts,
        answers=complaints.answers,
    )


def _uncertain(
    key: RRsetKey, items: Sequence[InFlight], complaints: _Complaints, max_attempts: int
) -> dict[UUID, Decision]:
    """Decide on the requests from the first on whose outcome is unknown; the others are done again behind it.

    Only those whose own outcome is unknown count the run as lost.
    """
    decisions: dict[UUID, Decision] = {}
    for item in items:
        if item.uncertain:
            decision = _lost(item, complaints, max_attempts)
        else:
            message = f"{_AGAIN}, behind an earlier request for {key}"
            pauses = _head(decisions).pauses
            decision = Decision(Status.PENDING, message, _AGAIN, pauses=pauses, answers=complaints.answers)
        decisions[item.change.request_id] = decision
    return decisions


def _head(decisions: Mapping[UUID, Decision]) -> Decision:
    return next(iter(decisions.values()))


def _lost(item: InFlight, complaints: _Complaints, max_attempts: int) -> Decision:
    policy = item.policy or of_result(OUTCOME_UNKNOWN)
    no_result = "the worker was stopped" if item.stopped else "the run ended without a result for it"
    known = (item.result.message if item.result else None) or no_result
    if complaints.nobody_looked:
        fault = Fault(Scope.BACKEND, "server_unreachable", str(complaints))
        told = f"{_AGAIN}: whether it was applied is not known yet"
        why = f"{_AGAIN}: {known}; {complaints}"
        return Decision(Status.PENDING, why, told, fault=fault, answers=complaints.answers)
    of_the_whole = Fault(policy.opens, item.code, known) if policy.opens else None
    if policy.is_last(item.lost_runs + 1, max_attempts, blamable=item.blamable):
        why, lost = f"{known}; {complaints}", policy.is_strike
        return _failed(why, item.code, of_the_whole, run_lost=lost, answers=complaints.answers)
    return Decision(
        Status.PENDING,
        f"{_AGAIN}: {known}; {complaints}",
        f"{_AGAIN}: its last run has not made it",
        run_lost=policy.is_strike,
        fault=of_the_whole,
        pauses=policy.waits_alone,
        answers=complaints.answers,
    )

"""What becomes of requests, decided from a run's results and the servers' answers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from app.domain.believed import Answers
from app.domain.change import Change, ChangeResult, Outcome, RRsetKey
from app.domain.expectation import Answer
from app.domain.lifecycle import Status
from app.domain.retry_policy import RESULTS, Kind, Scope, codes_of
from app.domain.server_answers import AnswerState, ServerAnswer, as_rows, from_rows
from app.domain.settlement import Decision, Fault, InFlight, decide
from tests.support.builders import change

KEY = RRsetKey("www.example.test", "A")
APPLIED = ChangeResult(Outcome.APPLIED)
REFUSED = ChangeResult(Outcome.FAILED, "refused", "the server said REFUSED")
AWAY = ChangeResult(Outcome.FAILED, "server_unreachable", "connection refused")

HIDDEN: Mapping[RRsetKey, Answer] = {
    KEY: Answer(None, frozenset(), hidden="it lies at or below the delegation example.test")
}

create = partial(change, "create", "www", "A")
update = partial(change, "update", "www", "A")
delete = partial(change, "delete", "www", "A")


def answers(**by_server: list[str]) -> Answers:
    return {server: {KEY: Answer(300, frozenset(values))} for server, values in by_server.items()}


def statuses(in_flight: list[InFlight], said: Answers, max_attempts: int = 5) -> list[Status]:
    decisions = decide(in_flight, said, max_attempts)
    return [decisions[item.change.request_id].status for item in in_flight]


def only(decisions: dict[UUID, Decision]) -> Decision:
    (decision,) = decisions.values()
    return decision


def test_succeeds_when_every_server_answers_it() -> None:
    item = InFlight(create("192.0.2.1"), APPLIED)
    decision = only(decide([item], answers(a=["192.0.2.1"], b=["192.0.2.1", "192.0.2.9"]), 5))
    assert (decision.status, decision.message) == (Status.SUCCEEDED, "answered by a, b")


def test_waits_while_one_server_does_not_answer_it() -> None:
    item = InFlight(create("192.0.2.1"), APPLIED)
    decision = only(decide([item], answers(a=["192.0.2.1"], b=[]), 5))
    assert decision.status is Status.VERIFYING
    assert "b: 192.0.2.1 is missing" in decision.message
    assert "a:" not in decision.message
    assert decision.answers == [
        ServerAnswer("a"),
        ServerAnswer("b", AnswerState.OTHERWISE, "192.0.2.1 is missing"),
    ]


def test_what_each_server_answers_is_kept_as_it_was() -> None:
    silent = {KEY: Answer(None, frozenset(), "no response in 2 s; b: spoofed")}
    said = {**answers(a=["192.0.2.1"], b=["192.0.2.9; a: 192.0.2.1"]), "c": silent, "d": HIDDEN}
    kept = only(decide([InFlight(delete(), APPLIED)], said, 5)).answers
    assert from_rows(json.loads(json.dumps(as_rows(kept)))) == kept
    states = {each.server: each.state for each in kept}
    otherwise = AnswerState.OTHERWISE
    assert states == {"a": otherwise, "b": otherwise, "c": AnswerState.NO_ANSWER, "d": AnswerState.HIDDEN}
    assert only(decide([InFlight(create("192.0.2.1"), REFUSED)], said, 5)).answers == ()


def test_fails_with_what_each_server_said_when_the_deadline_has_passed() -> None:
    item = InFlight(create("192.0.2.1"), APPLIED, overdue=True)
    decision = only(decide([item], answers(a=[], b=["192.0.2.2"]), 5))
    assert (decision.status, decision.code) == (Status.FAILED, "not_answered")
    assert "a: " in decision.message
    assert "b: " in decision.message


def test_a_refused_change_does_not_touch_its_neighbour() -> None:
    in_flight = [
        InFlight(update("192.0.2.8"), REFUSED),
        InFlight(create("192.0.2.1"), APPLIED),
    ]
    assert statuses(in_flight, answers(a=["192.0.2.1"])) == [Status.FAILED, Status.SUCCEEDED]


def test_an_rrset_of_which_all_was_refused_needs_no_answer() -> None:
    other = change("create", "other", "A", "192.0.2.8")
    in_flight = [InFlight(other, REFUSED), InFlight(create("192.0.2.1"), APPLIED)]
    assert statuses(in_flight, answers(a=["192.0.2.1"])) == [Status.FAILED, Status.SUCCEEDED]


def test_changes_of_one_rrset_are_judged_by_what_they_add_up_to() -> None:
    in_flight = [
        InFlight(create("192.0.2.1"), APPLIED),
        InFlight(update("192.0.2.2"), APPLIED),
        InFlight(delete("192.0.2.2"), APPLIED),
    ]
    assert statuses(in_flight, answers(a=[])) == [Status.SUCCEEDED] * 3


def test_an_unknown_outcome_is_settled_by_the_servers_answer() -> None:
    item = InFlight(create("192.0.2.1"), None)
    assert statuses([item], answers(a=["192.0.2.1"])) == [Status.SUCCEEDED]


def test_an_unknown_outcome_that_is_not_answered_is_tried_again() -> None:
    decision = only(decide([InFlight(create("192.0.2.1"), None)], answers(a=[]), 5))
    assert (decision.status, decision.run_lost) == (Status.PENDING, True)


def test_an_unknown_outcome_fails_only_where_the_request_alone_is_to_blame() -> None:
    innocent = InFlight(create("192.0.2.1"), None, lost_runs=40)
    assert only(decide([innocent], answers(a=[]), 5)).status is Status.PENDING
    alone = replace(innocent, lost_runs=4, blamable=True)
    decision = only(decide([alone], answers(a=[]), 5))
    assert (decision.status, decision.code) == (Status.FAILED, "outcome_unknown")
    assert decision.fault is not None  # its last run is no proof that the zone works again


@pytest.mark.parametrize("code", ["playbook_failed", "no_answer", None])
def test_a_run_that_is_lost_as_a_whole_is_a_fault_of_the_whole(code: str | None) -> None:
    result = ChangeResult(Outcome.FAILED, code, "exit status 2") if code else None
    decision = only(decide([InFlight(create("192.0.2.1"), result, lost_runs=9)], answers(a=[]), 5))
    assert (decision.status, decision.run_lost) == (Status.PENDING, True)
    scope = Scope.BACKEND if code == "playbook_failed" else Scope.ZONE
    words = "exit status 2" if code else "the run ended without a result for it"
    assert decision.fault == Fault(scope, code or "outcome_unknown", words)


def test_where_nobody_could_look_no_request_is_to_blame() -> None:
    said = {"a": {KEY: Answer(None, frozenset(), "no connection")}}
    item = InFlight(create("192.0.2.1"), None, lost_runs=9, blamable=True)
    decision = only(decide([item], said, 5))
    assert (decision.status, decision.run_lost) == (Status.PENDING, False)
    assert decision.fault is not None
    assert decision.fault.scope is Scope.BACKEND


def test_what_the_primary_has_is_applied_although_the_run_was_lost_and_a_secondary_lags() -> None:
    item = InFlight(create("192.0.2.1"), None)
    decision = only(decide([item], answers(a=["192.0.2.1"], b=[]), 5, primary="a"))
    assert (decision.status, decision.run_lost) == (Status.VERIFYING, False)


def test_a_primary_that_answers_otherwise_than_it_has_taken_is_told_at_once() -> None:
    said = answers(a=[], b=[])
    first = InFlight(create("192.0.2.1"), APPLIED)
    assert only(decide([first], said, 5, primary="a")).status is Status.VERIFYING
    second = replace(first, primary_overdue=True)
    decision = only(decide([second], said, 5, primary="a"))
    assert (decision.status, decision.code, decision.applied) == (Status.FAILED, "not_kept", True)
    assert only(decide([second], said, 5)).status is Status.VERIFYING  # no primary is known


def test_of_an_rrset_only_those_fail_whose_values_are_not_answered() -> None:
    kept, dropped, removed = create("192.0.2.1"), create("192.0.2.3"), delete("192.0.2.4")
    in_flight = [InFlight(each, APPLIED, primary_overdue=True) for each in (kept, dropped, removed)]
    decisions = decide(in_flight, answers(a=["192.0.2.1", "192.0.2.2"]), 5, primary="a")
    assert [decision.code for decision in decisions.values()] == [None, "not_kept", None]
    decisions = decide(in_flight, answers(a=["192.0.2.1", "192.0.2.3", "192.0.2.4"]), 5, primary="a")
    assert [decision.code for decision in decisions.values()] == [None, None, "not_kept"]


def test_a_ttl_that_the_primary_lowers_concerns_those_that_set_it() -> None:
    in_flight = [
        InFlight(create("192.0.2.1"), APPLIED, primary_overdue=True),
        InFlight(delete("192.0.2.4"), APPLIED, primary_overdue=True),
    ]
    said = {"a": {KEY: Answer(60, frozenset({"192.0.2.1"}))}}
    lowered, removed = decide(in_flight, said, 5, primary="a").values()
    assert (lowered.code, removed.status) == ("ttl_not_kept", Status.SUCCEEDED)


def test_a_server_that_is_away_lets_no_deadline_pass() -> None:
    gone = {"b": {KEY: Answer(None, frozenset(), "no connection")}}
    item = InFlight(create("192.0.2.1"), APPLIED, overdue=True)
    decision = only(decide([item], {**answers(a=["192.0.2.1"]), **gone}, 5, primary="a"))
    assert (decision.status, decision.unreached) == (Status.VERIFYING, True)


TRIPPED = ChangeResult(Outcome.FAILED, "server_failed", "SERVFAIL")
UNCHANGED = ChangeResult(Outcome.UNCHANGED)


def test_a_change_that_failed_for_itself_takes_no_neighbour_along() -> None:
    in_flight = [
        InFlight(create("192.0.2.1"), TRIPPED, lost_runs=4),
        InFlight(delete("192.0.2.2"), UNCHANGED, lost_runs=4),
    ]
    bad, good = decide(in_flight, answers(a=["192.0.2.3"]), 5).values()
    assert (bad.status, bad.code) == (Status.FAILED, "server_failed")
    assert (good.status, good.run_lost) == (Status.PENDING, False)


def test_what_is_answered_is_not_held_up_by_a_create_that_is_tried_again() -> None:
    in_flight = [
        InFlight(create("192.0.2.1"), APPLIED),
        InFlight(create("192.0.2.2"), TRIPPED),
        InFlight(create("192.0.2.3"), UNCHANGED),
        InFlight(create("192.0.2.4"), None),
        InFlight(create("192.0.2.5"), APPLIED),
        InFlight(create("192.0.2.6"), APPLIED),
    ]
    there = ["192.0.2.1", "192.0.2.3", "192.0.2.5"]
    done, again, behind = Status.SUCCEEDED, Status.PENDING, Status.PENDING
    assert statuses(in_flight, answers(a=there, b=there)) == [done, again, done, again, done, behind]
    lagging = answers(a=there, b=[])
    assert statuses(in_flight, lagging)[2] is Status.VERIFYING


@pytest.mark.parametrize(
    ("first", "between"),
    [
        (delete("192.0.2.9"), create("192.0.2.1")),
        (update("192.0.2.9"), create("192.0.2.1")),
        (create("192.0.2.9"), delete("192.0.2.2")),
        (create("192.0.2.9", ttl=60), create("192.0.2.1")),
        (create("192.0.2.9"), create("192.0.2.1", ttl=60)),
    ],
)
def test_what_does_not_add_up_to_the_same_in_any_order_waits(first: Change, between: Change) -> None:
    last = InFlight(create("192.0.2.2"), UNCHANGED)
    in_flight = [InFlight(first, TRIPPED), InFlight(between, TRIPPED), last]
    assert statuses(in_flight, answers(a=["192.0.2.2"])) == [Status.PENDING] * 3


def test_what_the_first_server_does_not_show_does_not_go_ahead() -> None:
    in_flight = [InFlight(create("192.0.2.1"), TRIPPED), InFlight(create("192.0.2.2"), APPLIED)]
    nothing = {"a": {KEY: Answer(None, frozenset(), "no connection")}}
    for said in (answers(a=[]), nothing, {"a": HIDDEN}):
        assert statuses(in_flight, said) == [Status.PENDING] * 2


def test_a_change_that_the_server_fails_at_waits_alone() -> None:
    tripped = ChangeResult(Outcome.FAILED, "server_failed", "SERVFAIL")
    decision = only(decide([InFlight(create("192.0.2.1"), tripped)], answers(a=[]), 5))
    assert (decision.status, decision.pauses, decision.fault) == (Status.PENDING, True, None)


@pytest.mark.parametrize("code", sorted(codes_of(Kind.TRANSIENT) | {"playbook_failed"}))
def test_a_fault_of_the_whole_is_booked_on_no_request(code: str) -> None:
    result = ChangeResult(Outcome.FAILED, code, "said so")
    decision = only(decide([InFlight(create("192.0.2.1"), result, lost_runs=99)], answers(a=[]), 5))
    assert decision.status is Status.PENDING
    assert decision.fault is not None
    assert (decision.fault.scope, decision.fault.code) == (RESULTS[code].opens, code)


def test_a_run_that_was_stopped_with_its_worker_is_held_against_nobody() -> None:
    item = InFlight(create("192.0.2.1"), None, lost_runs=9, blamable=True, stopped=True)
    decision = only(decide([item], answers(a=[]), 5))
    assert (decision.status, decision.run_lost, decision.fault) == (Status.PENDING, False, None)
    assert "the worker was stopped" in decision.message
    done = only(decide([item], answers(a=["192.0.2.1"]), 5))
    assert done.status is Status.SUCCEEDED


def test_no_request_can_fail_without_a_code() -> None:
    with pytest.raises(ValueError, match="code"):
        Decision(Status.FAILED, "who knows", "told")


@pytest.mark.parametrize("gap", [AWAY, None])
def test_what_follows_a_gap_in_an_rrset_is_done_again_in_order(gap: ChangeResult | None) -> None:
    in_flight = [
        InFlight(create("192.0.2.1"), APPLIED),
        InFlight(update("192.0.2.2"), gap),
        InFlight(create("192.0.2.3"), APPLIED),
    ]
    said = answers(a=["192.0.2.1"])
    assert statuses(in_flight, said)[1:] == [Status.PENDING, Status.PENDING]


def test_a_server_that_is_away_costs_no_attempt() -> None:
    decision = only(decide([InFlight(create("192.0.2.1"), AWAY, lost_runs=4)], {}, 5))
    assert (decision.status, decision.run_lost) == (Status.PENDING, False)
    assert "connection refused" in decision.message


def test_a_server_that_cannot_be_judged_is_no_success() -> None:
    said = {"a": {KEY: Answer(None, frozenset(), "the server said SERVFAIL")}}
    decision = only(decide([InFlight(delete(), APPLIED)], said, 5))
    assert decision.status is Status.VERIFYING
    assert "SERVFAIL" in decision.message


def test_a_server_that_trips_over_a_change_is_tried_again_but_not_for_ever() -> None:
    tripped = ChangeResult(Outcome.FAILED, "server_failed", "the server said SERVFAIL")
    first, last = (InFlight(create("192.0.2.1"), tripped, lost_runs=lost) for lost in (0, 4))
    assert only(decide([first], answers(a=[]), 5)).status is Status.PENDING
    decision = only(decide([last], answers(a=[]), 5))
    assert (decision.status, decision.code) == (Status.FAILED, "server_failed")


def test_what_no_server_can_show_is_judged_by_the_result_of_the_run() -> None:
    item = InFlight(create("192.0.2.1"), APPLIED, overdue=True, primary_overdue=True)
    decision = only(decide([item], {"a": HIDDEN, "b": HIDDEN}, 5, "a"))
    assert decision.status is Status.SUCCEEDED
    assert "a can't show it: it lies at or below the delegation" in decision.message


def test_what_no_server_can_show_proves_nothing() -> None:
    """The first is known to be applied, the second is not: it is done again, and never taken for done."""
    known, unknown = InFlight(create("192.0.2.1"), APPLIED), InFlight(delete("192.0.2.1"), None)
    assert statuses([known, unknown], {"a": HIDDEN}) == [Status.SUCCEEDED, Status.PENDING]


def test_a_server_that_shows_something_else_counts_beside_one_that_shows_nothing() -> None:
    item = InFlight(create("192.0.2.1"), APPLIED)
    assert statuses([item], {"a": HIDDEN, **answers(b=[])}) == [Status.VERIFYING]
    assert statuses([item], {"a": HIDDEN, **answers(b=["192.0.2.1"])}) == [Status.SUCCEEDED]


GROUP = UUID(int=7)
OTHER = RRsetKey("mail.example.test", "A")


def of_group(result: ChangeResult | None, *, lost_runs: int = 0) -> list[InFlight]:
    """Two requests that are all or none, of two names."""
    changes = [create("192.0.2.1"), change("create", "mail", "A", "192.0.2.1")]
    return [InFlight(replace(each, group=GROUP), result, lost_runs) for each in changes]


@pytest.mark.parametrize("result", [None, ChangeResult(Outcome.FAILED, "no_answer", "nobody knows")])
def test_a_group_of_which_one_is_not_there_is_tried_again_whole(result: ChangeResult | None) -> None:
    group = of_group(result)
    there, missing = Answer(300, frozenset({"192.0.2.1"})), Answer(None, frozenset())
    assert statuses(group, {"a": {KEY: there, OTHER: missing}}) == [Status.PENDING] * 2
    assert statuses(group, {"a": {KEY: missing, OTHER: there}}) == [Status.PENDING] * 2
    assert statuses(group, {"a": {KEY: there, OTHER: there}}) == [Status.SUCCEEDED] * 2


def test_what_is_behind_one_of_a_group_is_tried_again_with_it() -> None:
    """The servers show what the last of them asks for, but the group was not carried out."""
    missing = Answer(None, frozenset())
    in_flight = [InFlight(create("192.0.2.8"), None), *of_group(None), InFlight(delete(), None)]
    assert statuses(in_flight, {"a": {KEY: missing, OTHER: missing}}) == [Status.PENDING] * 4


def test_a_group_of_which_one_has_failed_for_good_fails_whole() -> None:
    group = of_group(ChangeResult(Outcome.FAILED, "server_failed", "SERVFAIL"))
    group[1] = replace(group[1], lost_runs=4)
    missing = Answer(None, frozenset())
    decisions = decide(group, {"a": {KEY: missing, OTHER: missing}}, 5)
    assert [decisions[each.change.request_id].code for each in group] == ["atomic_failed", "server_failed"]
    assert "mail.example.test A" in decisions[group[0].change.request_id].message


def test_what_was_not_sent_of_a_group_waits_whole() -> None:
    assert statuses(of_group(AWAY), {}) == [Status.PENDING] * 2


def lost(*changes: Change) -> list[InFlight]:
    """Requests of a run that has told nothing."""
    return [InFlight(each, None) for each in changes]


def test_what_a_group_that_is_tried_again_has_between_it_is_done_again_in_order() -> None:
    """All of an RRset adds up to what is there, as if all had been done; the group shows that it was not."""
    group = [
        replace(each, group=GROUP)
        for each in (create("192.0.2.2"), change("create", "mail", "A", "192.0.2.9"))
    ]
    nothing: Answers = {"a": {KEY: Answer(None, frozenset()), OTHER: Answer(None, frozenset())}}
    requests = lost(create("192.0.2.1"), *group, delete())
    assert statuses(requests, nothing) == [Status.PENDING] * 4
    decisions = decide(requests, nothing, 5)
    assert {decisions[each.change.request_id].run_lost for each in requests} == {True}


def test_what_is_there_before_a_group_that_is_tried_again_is_done() -> None:
    group = [
        replace(each, group=GROUP)
        for each in (create("192.0.2.2"), change("create", "mail", "A", "192.0.2.9"))
    ]
    requests = lost(create("192.0.2.1"), *group, delete("192.0.2.2"))
    there: Answers = {"a": {KEY: Answer(300, frozenset({"192.0.2.1"})), OTHER: Answer(None, frozenset())}}
    assert statuses(requests, there) == [Status.SUCCEEDED, *[Status.PENDING] * 3]
    gone: Answers = {"a": {KEY: Answer(None, frozenset()), OTHER: Answer(None, frozenset())}}
    requests = lost(update("192.0.2.1"), delete(), *group, delete())  # an update of nothing would fail
    assert statuses(requests, gone) == [*[Status.SUCCEEDED] * 2, *[Status.PENDING] * 3]


def test_a_group_behind_a_group_that_is_tried_again_is_so_too() -> None:
    key = RRsetKey("ns.example.test", "A")
    first = [
        replace(each, group=GROUP)
        for each in (create("192.0.2.2"), change("create", "mail", "A", "192.0.2.9"))
    ]
    second = [
        replace(each, group=UUID(int=8)) for each in (delete(), change("create", "ns", "A", "192.0.2.3"))
    ]
    said = {KEY: Answer(None, frozenset()), OTHER: Answer(None, frozenset())}
    shown = Answer(300, frozenset({"192.0.2.3"}))
    assert statuses(lost(*first, *second), {"a": {**said, key: shown}}) == [Status.PENDING] * 4

from functools import partial
from uuid import UUID

import pytest

from app.domain.change import ChangeResult, Outcome, RRsetKey
from app.domain.expectation import Answer
from app.domain.lifecycle import Status
from app.domain.settlement import Answers, Fate, Held, judge
from tests.support.builders import change

KEY = RRsetKey("www.example.test", "A")
APPLIED = ChangeResult(Outcome.APPLIED)
REFUSED = ChangeResult(Outcome.FAILED, "refused", "the server said REFUSED")
AWAY = ChangeResult(Outcome.FAILED, "server_unreachable", "connection refused")

create = partial(change, "create", "www", "A")
update = partial(change, "update", "www", "A")
delete = partial(change, "delete", "www", "A")


def answers(**by_server: list[str]) -> Answers:
    return {server: {KEY: Answer(300, frozenset(values))} for server, values in by_server.items()}


def statuses(held: list[Held], said: Answers, max_attempts: int = 5) -> list[Status]:
    fates = judge(held, said, max_attempts)
    return [fates[item.change.request_id].status for item in held]


def only(fates: dict[UUID, Fate]) -> Fate:
    (fate,) = fates.values()
    return fate


def test_succeeds_when_every_server_answers_it() -> None:
    item = Held(create("192.0.2.1"), APPLIED)
    fate = only(judge([item], answers(a=["192.0.2.1"], b=["192.0.2.1", "192.0.2.9"]), 5))
    assert (fate.status, fate.message) == (Status.SUCCEEDED, "answered by a, b")


def test_waits_while_one_server_does_not_answer_it() -> None:
    item = Held(create("192.0.2.1"), APPLIED)
    fate = only(judge([item], answers(a=["192.0.2.1"], b=[]), 5))
    assert fate.status is Status.VERIFYING
    assert "b: 192.0.2.1 is missing" in fate.message
    assert "a:" not in fate.message


def test_fails_with_what_each_server_said_when_the_deadline_has_passed() -> None:
    item = Held(create("192.0.2.1"), APPLIED, overdue=True)
    fate = only(judge([item], answers(a=[], b=["192.0.2.2"]), 5))
    assert (fate.status, fate.code) == (Status.FAILED, "not_answered")
    assert "a: " in fate.message
    assert "b: " in fate.message


def test_a_refused_change_does_not_touch_its_neighbour() -> None:
    held = [
        Held(update("192.0.2.8"), REFUSED),
        Held(create("192.0.2.1"), APPLIED),
    ]
    assert statuses(held, answers(a=["192.0.2.1"])) == [Status.FAILED, Status.SUCCEEDED]


def test_an_rrset_of_which_all_was_refused_needs_no_answer() -> None:
    other = change("create", "other", "A", "192.0.2.8")
    held = [Held(other, REFUSED), Held(create("192.0.2.1"), APPLIED)]
    assert statuses(held, answers(a=["192.0.2.1"])) == [Status.FAILED, Status.SUCCEEDED]


def test_changes_of_one_rrset_are_judged_by_what_they_add_up_to() -> None:
    held = [
        Held(create("192.0.2.1"), APPLIED),
        Held(update("192.0.2.2"), APPLIED),
        Held(delete("192.0.2.2"), APPLIED),
    ]
    assert statuses(held, answers(a=[])) == [Status.SUCCEEDED] * 3


def test_an_unknown_outcome_is_settled_by_the_servers_answer() -> None:
    item = Held(create("192.0.2.1"), None)
    assert statuses([item], answers(a=["192.0.2.1"])) == [Status.SUCCEEDED]


def test_an_unknown_outcome_that_is_not_answered_is_tried_again() -> None:
    fate = only(judge([Held(create("192.0.2.1"), None)], answers(a=[]), 5))
    assert (fate.status, fate.lost) == (Status.PENDING, True)


def test_an_unknown_outcome_fails_after_the_last_attempt() -> None:
    item = Held(create("192.0.2.1"), None, lost_runs=4)
    fate = only(judge([item], answers(a=[]), 5))
    assert (fate.status, fate.code) == (Status.FAILED, "outcome_unknown")


@pytest.mark.parametrize("gap", [AWAY, None])
def test_what_follows_a_gap_in_an_rrset_is_done_again_in_order(gap: ChangeResult | None) -> None:
    held = [
        Held(create("192.0.2.1"), APPLIED),
        Held(update("192.0.2.2"), gap),
        Held(create("192.0.2.3"), APPLIED),
    ]
    said = answers(a=["192.0.2.1"])
    assert statuses(held, said)[1:] == [Status.PENDING, Status.PENDING]


def test_a_server_that_is_away_costs_no_attempt() -> None:
    fate = only(judge([Held(create("192.0.2.1"), AWAY, lost_runs=4)], {}, 5))
    assert (fate.status, fate.lost) == (Status.PENDING, False)
    assert "connection refused" in fate.message


def test_a_server_that_cannot_be_judged_is_no_success() -> None:
    said = {"a": {KEY: Answer(None, frozenset(), "the server said SERVFAIL")}}
    fate = only(judge([Held(delete(), APPLIED)], said, 5))
    assert fate.status is Status.VERIFYING
    assert "SERVFAIL" in fate.message


def test_a_server_that_trips_over_a_change_is_tried_again_but_not_for_ever() -> None:
    tripped = ChangeResult(Outcome.FAILED, "server_failed", "the server said SERVFAIL")
    first, last = (Held(create("192.0.2.1"), tripped, lost_runs=lost) for lost in (0, 4))
    assert only(judge([first], answers(a=[]), 5)).status is Status.PENDING
    fate = only(judge([last], answers(a=[]), 5))
    assert (fate.status, fate.code) == (Status.FAILED, "server_failed")

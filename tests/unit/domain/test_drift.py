"""What changes add up to, whether records agree with them, and what becomes of candidates."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import NOTHING, RRsetKey, RRsetState
from app.domain.drift import CACHED_FOR, Candidate, NetChanges, Verdict, after, agrees, judge, kind_of
from app.domain.expectation import Answer
from app.domain.origin import DriftKind

KEY = RRsetKey("www.example.test", "A")
ONE, TWO = RRsetState(300, ("192.0.2.1",)), RRsetState(300, ("192.0.2.2",))
VALUES = st.frozensets(st.sampled_from([f"192.0.2.{number}" for number in range(5)]))
STATES = st.builds(
    lambda ttl, values: RRsetState(ttl, tuple(sorted(values))) if values else NOTHING,
    st.sampled_from([60, 300]),
    VALUES,
)


def changes_between(states: list[RRsetState]) -> NetChanges:
    """The differences that a server transfers of an RRset that was so, then so, …"""
    net = NetChanges()
    for before, now in pairwise(states):
        same_ttl = before.ttl == now.ttl
        for value in before.rdata:
            if value not in now.rdata or not same_ttl:
                net.delete(*KEY, value)
        for value in now.rdata:
            if value not in before.rdata or not same_ttl:
                net.add(*KEY, value, now.ttl or 0)
    return net


@given(st.lists(STATES, min_size=2, max_size=6))
def test_changes_add_up_to_what_is_there_at_last(states: list[RRsetState]) -> None:
    change = changes_between(states).by_rrset.get(KEY, {})
    assert after("A", states[0], change) == states[-1]
    assert agrees("A", states[-1], change)


@given(st.lists(STATES, min_size=2, max_size=6), STATES)
def test_a_record_that_agrees_is_what_was_read_or_what_is_there(
    states: list[RRsetState], other: RRsetState
) -> None:
    """Who recorded any of the states that the RRset was in is told of a difference."""
    change = changes_between(states).by_rrset.get(KEY, {})
    for recorded in states:
        if agrees("A", recorded, change):
            assert recorded == states[-1]
    assert agrees("A", after("A", other, change), change)


def test_a_text_is_the_same_however_it_is_split() -> None:
    assert agrees("TXT", RRsetState(300, ('"ab"',)), {'"a" "b"': 300})
    assert after("TXT", RRsetState(300, ('"ab"',)), {'"a" "b"': None}) == NOTHING


def test_kinds() -> None:
    assert kind_of(NOTHING, ONE) is DriftKind.ADDED
    assert kind_of(ONE, NOTHING) is DriftKind.MISSING
    assert kind_of(ONE, TWO) is DriftKind.CHANGED


def answer(state: RRsetState, error: str | None = None, hidden: str | None = None) -> Answer:
    return Answer(state.ttl, frozenset(state.rdata), error, hidden)


def verdict(candidate: Candidate, given: Answer) -> Verdict:
    return judge(candidate, given)[0]


def test_what_is_recorded_has_not_drifted() -> None:
    assert verdict(Candidate(KEY, ONE, ONE, 0), answer(ONE)) is Verdict.NONE
    assert verdict(Candidate(KEY, ONE, None, 0, is_busy=True), answer(ONE)) is Verdict.NONE


def test_what_differs_has_drifted_unless_a_request_may_have_done_it() -> None:
    assert judge(Candidate(KEY, ONE, TWO, 0), answer(TWO)) == (Verdict.DRIFT, TWO)
    assert verdict(Candidate(KEY, ONE, TWO, 0, is_busy=True), answer(TWO)) is Verdict.LATER
    assert verdict(Candidate(KEY, ONE, TWO, 0, settled_since_asked=True), answer(TWO)) is Verdict.LATER
    assert verdict(Candidate(KEY, ONE, TWO, 0, requested=TWO), answer(TWO)) is Verdict.REPAIR
    assert verdict(Candidate(KEY, ONE, TWO, 0, requested=ONE), answer(TWO)) is Verdict.DRIFT


def test_an_import_leaves_what_is_not_recorded_to_be_recorded() -> None:
    assert verdict(Candidate(KEY, NOTHING, ONE, 0, of_import=True), answer(ONE)) is Verdict.IMPORT
    assert verdict(Candidate(KEY, ONE, TWO, 0, of_import=True), answer(TWO)) is Verdict.DRIFT


def test_a_cache_may_answer_what_was_there_before() -> None:
    assert verdict(Candidate(KEY, ONE, TWO, 1), answer(ONE)) is Verdict.LATER
    assert verdict(Candidate(KEY, ONE, TWO, CACHED_FOR + 1), answer(ONE)) is Verdict.NONE
    assert verdict(Candidate(KEY, ONE, TWO, 1, settled_since_candidate=True), answer(ONE)) is Verdict.NONE


def test_no_answer_decides_nothing() -> None:
    assert verdict(Candidate(KEY, ONE, TWO, 0), answer(NOTHING, error="SERVFAIL")) is Verdict.LATER


def test_what_no_answer_shows_is_as_it_was_transferred() -> None:
    hidden = answer(NOTHING, hidden="below a delegation")
    assert judge(Candidate(KEY, ONE, TWO, 0), hidden) == (Verdict.DRIFT, TWO)
    assert verdict(Candidate(KEY, TWO, TWO, 0), hidden) is Verdict.NONE
    assert verdict(Candidate(KEY, ONE, TWO, 0, settled_since_candidate=True), hidden) is Verdict.NONE
    assert verdict(Candidate(KEY, ONE, None, 0, is_busy=True), hidden) is Verdict.LATER

"""What servers must answer for an RRset after changes in their order, and what an answer lacks."""

from dataclasses import replace
from functools import partial, reduce
from time import process_time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.change import Action, Change, RRsetKey
from app.domain.expectation import Answer, Expectation, expectations
from app.domain.values import is_pattern, meaning
from tests.support.builders import change
from tests.support.thoroughly import examples

KEY = RRsetKey("www.example.test", "A")
X, Y, Z = "192.0.2.10", "192.0.2.11", "192.0.2.12"

create = partial(change, "create", "www", "A")
update = partial(change, "update", "www", "A")
upsert = partial(change, "upsert", "www", "A")
delete = partial(change, "delete", "www", "A")


def answer(*rdata: str, ttl: int = 300) -> Answer:
    return Answer(ttl=ttl if rdata else None, rdata=frozenset(rdata))


def expected(*changes: Change) -> Expectation:
    (result,) = expectations(changes).values()
    return result


@pytest.mark.parametrize(
    ("changes", "met", "unmet"),
    [
        ([create(X)], [answer(X), answer(X, Y)], [answer(), answer(Y), answer(X, ttl=60)]),
        ([create(X, Y)], [answer(X, Y)], [answer(X), answer(Y)]),
        ([update(X)], [answer(X)], [answer(), answer(X, Y), answer(X, ttl=60)]),
        ([upsert(X, Y)], [answer(X, Y)], [answer(X), answer(X, Y, Z)]),
        ([delete(X)], [answer(), answer(Y), answer(Y, ttl=60)], [answer(X), answer(X, Y)]),
        ([delete()], [answer()], [answer(X)]),
        ([create(X), delete(X)], [answer(), answer(Y)], [answer(X)]),
        ([delete(X), create(X)], [answer(X)], [answer(), answer(Y)]),
        ([delete(), create(X)], [answer(X)], [answer(), answer(X, Y)]),
        ([create(X), delete()], [answer()], [answer(X)]),
        ([upsert(X), create(Y, ttl=60)], [answer(X, Y, ttl=60)], [answer(X, Y), answer(Y)]),
        ([upsert(X, Y), delete(X)], [answer(Y)], [answer(X, Y), answer(), answer(Y, ttl=1)]),
        ([upsert(X), delete(X)], [answer()], [answer(X)]),
        ([create(X, ttl=60), create(Y)], [answer(X, Y)], [answer(X, Y, ttl=60)]),
    ],
)
def test_expectations(changes: list[Change], met: list[Answer], unmet: list[Answer]) -> None:
    expectation = expected(*changes)
    assert [expectation.unmet(each) for each in met] == [None] * len(met)
    assert all(expectation.unmet(each) for each in unmet)


def test_a_created_cname_takes_the_place_of_the_one_before() -> None:
    expectation = expected(*(change("create", "www", "CNAME", target) for target in ("a.test.", "b.test.")))
    assert expectation.unmet(answer("b.test.")) is None
    assert expectation.unmet(answer("a.test."))


def test_each_rrset_has_its_own() -> None:
    other = RRsetKey("www.example.test", "AAAA")
    result = expectations([create(X), change("delete", "www", "AAAA"), create(Y)])
    assert result == {
        KEY: Expectation(present=frozenset({X, Y}), ttl=300),
        other: Expectation(exact=frozenset()),
    }


@pytest.mark.parametrize(
    ("expectation", "given_answer", "words"),
    [
        (expected(create(X)), answer(Y), "192.0.2.10 is missing, there is 192.0.2.11"),
        (expected(create(X)), answer(), "192.0.2.10 is missing"),
        (
            expected(create(X, Z)),
            answer(Y),
            "192.0.2.10, 192.0.2.12 are missing, there is 192.0.2.11",
        ),
        (expected(upsert(X)), answer(X, Y), "there is still 192.0.2.11"),
        (expected(delete()), answer(X), "there is still 192.0.2.10"),
        (expected(create(X, ttl=60)), answer(X), "the TTL is 300, not 60"),
        (
            expected(delete()),
            answer("1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.5"),
            "there is still 1.1.1.1, 1.1.1.2, 1.1.1.3 and 2 more",
        ),
    ],
)
def test_words(expectation: Expectation, given_answer: Answer, words: str) -> None:
    assert expectation.unmet(given_answer) == words


def test_a_reply_that_decides_nothing_meets_nothing() -> None:
    lame = Answer(ttl=None, rdata=frozenset(), error="the server answers REFUSED")
    assert expected(delete()).unmet(lame) == "the server answers REFUSED"


def test_what_no_server_shows_is_not_unmet() -> None:
    behind = Answer(ttl=None, rdata=frozenset(), hidden="it lies below the DNAME old.example.test")
    for each in (create(X), update(X), upsert(X), delete(X), delete()):
        assert expected(each).unmet(behind) is None


JOINED, SPLIT, OTHER = '"foobar"', '"foo" "bar"', '"foo bar"'


def txt(action: str, *rdata: str) -> Change:
    return change(action, "www", "TXT", *rdata)


@pytest.mark.parametrize(
    ("changes", "met", "unmet"),
    [
        ([txt("create", JOINED)], [SPLIT, JOINED, '"" "foobar" ""'], [OTHER, '"foo\\" \\"bar"']),
        ([txt("upsert", SPLIT)], [SPLIT, JOINED], [OTHER]),
        ([txt("delete", JOINED)], [OTHER], [SPLIT, JOINED]),
        ([txt("delete", SPLIT), txt("create", JOINED)], [SPLIT, JOINED], [OTHER]),
        ([txt("upsert", JOINED, OTHER), txt("delete", SPLIT)], [OTHER], [SPLIT]),
    ],
)
def test_a_text_is_the_same_however_it_is_split(
    changes: list[Change], met: list[str], unmet: list[str]
) -> None:
    assert [expected(*changes).unmet(answer(each)) for each in met] == [None] * len(met)
    assert all(expected(*changes).unmet(answer(each)) for each in unmet)


MAIL_10, MAIL_20, BACKUP = "10 mail.test.", "20 mail.test.", "10 backup.test."


def mx(action: str, *rdata: str) -> Change:
    return change(action, "www", "MX", *rdata)


@pytest.mark.parametrize(
    ("changes", "met", "unmet"),
    [
        ([mx("delete", "* mail.test.")], [[], [BACKUP]], [[MAIL_10], [MAIL_20, BACKUP]]),
        ([mx("delete", "* mail.test."), mx("create", MAIL_10)], [[MAIL_10]], [[], [MAIL_10, MAIL_20]]),
        ([mx("create", MAIL_10), mx("delete", "* mail.test.")], [[], [BACKUP]], [[MAIL_10]]),
        ([mx("upsert", MAIL_10, BACKUP), mx("delete", "* mail.test.")], [[BACKUP]], [[MAIL_10, BACKUP]]),
    ],
)
def test_a_host_of_any_preference(
    changes: list[Change], met: list[list[str]], unmet: list[list[str]]
) -> None:
    assert [expected(*changes).unmet(answer(*each)) for each in met] == [None] * len(met)
    assert all(expected(*changes).unmet(answer(*each)) for each in unmet)


def test_records_of_one_rrset_with_different_ttls() -> None:
    mixed = Answer(ttl=60, rdata=frozenset({X, Y}), other_ttls=frozenset({3600}))
    words = "the TTLs of its records differ, from 60 to 3600, and are not all 60"
    assert expected(upsert(X, Y, ttl=60)).unmet(mixed) == words
    assert expected(delete(Z)).unmet(mixed) is None


any_value = st.text(max_size=40) | st.integers(0, 64_000).map(lambda size: '"' + "x" * size + '"')
any_answer = st.builds(
    Answer,
    ttl=st.integers(0, 2**31 - 1),
    rdata=st.frozensets(any_value, max_size=8),
    error=st.none() | st.text(max_size=2000),
)


@given(st.frozensets(any_value, min_size=1, max_size=8), any_answer)
def test_whatever_is_wrong_is_said_shortly(wanted: frozenset[str], found: Answer) -> None:
    for action in Action:
        complaint = expected(change(action, "www", "TXT", *wanted)).unmet(found)
        assert len(complaint or "") < 400


values = st.frozensets(st.sampled_from([X, Y, Z]), min_size=1)
changes_of_one_rrset = st.lists(
    st.builds(
        lambda action, rdata, whole, ttl: change(
            action, "www", "A", *(() if whole and action is Action.DELETE else sorted(rdata)), ttl=ttl
        ),
        st.sampled_from(Action),
        values,
        st.booleans(),
        st.sampled_from([60, 300]),
    ),
    min_size=1,
    max_size=6,
)


def applied(before: Answer, one: Change) -> Answer:
    """What a server answers after a change: a simple model."""
    rdata = frozenset(one.rdata)
    if one.action is Action.DELETE:
        left = before.rdata - rdata if rdata else frozenset[str]()
        return replace_rdata(before, left)
    both = before.rdata | rdata if one.action is Action.CREATE else rdata
    return Answer(ttl=one.ttl, rdata=both)


def replace_rdata(before: Answer, rdata: frozenset[str]) -> Answer:
    return Answer(ttl=before.ttl if rdata else None, rdata=rdata)


def server_after(changes: list[Change], before: Answer) -> Answer:
    for one in changes:
        before = applied(before, one)
    return before


starts = st.frozensets(st.sampled_from([X, Y, Z])).map(lambda rdata: answer(*rdata, ttl=60))


@given(changes_of_one_rrset, starts)
def test_what_a_server_makes_of_the_changes_is_what_is_expected(
    changes: list[Change], before: Answer
) -> None:
    assert expected(*changes).unmet(server_after(changes, before)) is None


@given(changes_of_one_rrset, st.frozensets(st.sampled_from([X, Y, Z])).map(lambda rdata: answer(*rdata)))
def test_what_no_server_could_have_made_of_the_changes_is_unmet(changes: list[Change], found: Answer) -> None:
    possible = {server_after(changes, start).rdata for start in all_starts()}
    if found.rdata not in possible:
        assert expected(*changes).unmet(found) is not None


def all_starts() -> list[Answer]:
    return [answer(*(v for bit, v in enumerate((X, Y, Z)) if mask >> bit & 1)) for mask in range(8)]


def test_a_change_of_another_request_counts_the_same() -> None:
    one = create(X)
    assert expected(one) == expected(replace(one, request_id=UUID(int=1), comment="why"))


_VALUES = {
    "A": [X, Y, Z],
    "TXT": ['"ab"', '"a" "b"', '"c"'],
    "HINFO": ['"ab" "c"', '"a" "bc"', '"abc" ""'],
    "MX": ["10 a.test.", "20 a.test.", "10 b.test.", "* a.test."],
    "CNAME": ["x.test.", "y.test."],
}


def _is_sound(item: Change) -> bool:
    has_pattern = any(map(is_pattern, item.rdata))
    return item.action is Action.DELETE or bool(item.rdata and not has_pattern)


def _meant(state: Expectation) -> tuple[object, ...]:
    """An expectation in which each value has one spelling."""
    meant = partial(meaning, state.type)
    exact = None if state.exact is None else {*map(meant, state.exact)}
    return exact, {*map(meant, state.present)}, {*map(meant, state.absent)}, state.ttl


_CHANGES = st.sampled_from(sorted(_VALUES)).flatmap(
    lambda rdtype: st.lists(
        st.builds(
            lambda action, rdata, ttl: change(action, "www", rdtype, *rdata, ttl=ttl),
            st.sampled_from([*["create", "delete"] * 5, "update", "upsert"]),
            st.sampled_from([1, 1, 1, 1, 2, 0]).flatmap(
                lambda number: st.permutations(_VALUES[rdtype]).map(lambda listed: listed[:number])
            ),
            st.sampled_from([60, 300]),
        ).filter(_is_sound),
        min_size=1,
        max_size=8,
    )
)


@settings(max_examples=examples(60))
@given(_CHANGES)
def test_many_changes_add_up_to_what_they_do_one_by_one(changes: list[Change]) -> None:
    one_by_one = reduce(Expectation.after, changes, Expectation())
    assert _meant(expected(*changes)) == _meant(one_by_one)


def test_thousands_of_changes_of_one_rrset_are_judged_in_no_time() -> None:
    asked = [create(f"10.0.{number // 250}.{number % 250}") for number in range(10_000)]
    lacking = answer(*(item.rdata[0] for item in asked[5_000:]))
    began = process_time()
    together = expected(*asked)
    assert together.unmet(lacking) is not None
    concerned = [item for item in asked if together.concerns(item, lacking)]
    assert process_time() - began < 3  # it takes minutes where each is compared with all
    assert concerned == asked[:5_000]

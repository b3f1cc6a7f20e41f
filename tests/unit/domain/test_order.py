"""The fates of changes whose run was lost, by what was there before it."""

from dataclasses import replace

import pytest

from app.domain.change import Change, RRsetKey, RRsetState
from app.domain.effects import RRset
from app.domain.order import decided_by_before, fates
from tests.support.builders import change

A = RRsetKey("www.example.test", "A")
CNAME = RRsetKey("www.example.test", "CNAME")


def update(*values: str) -> Change:
    return change("update", "www", "A", *values)


def create(*values: str) -> Change:
    return change("create", "www", "A", *values)


def upsert(*values: str) -> Change:
    return change("upsert", "www", "A", *values)


def delete(*values: str) -> Change:
    return change("delete", "www", "A", *values)


def rrset(*values: str) -> RRset | None:
    return RRset(300, values) if values else None


def outcomes(changes: list[Change], before: RRset | None, now: RRset | None) -> list[str]:
    known = fates(changes, {A: before, CNAME: None}, {A: now, CNAME: None})
    results = [known.get(each.request_id) for each in changes]
    return [(result.code or str(result.outcome)) if result else "?" for result in results]


def expecting(value: str, change: Change) -> Change:
    return replace(change, expect=RRsetState(300, (value,)))


MISSING, CHANGED = "rrset_missing", "state_changed"


@pytest.mark.parametrize(
    ("changes", "before", "now", "expected"),
    [
        ([update("1"), create("2")], rrset(), rrset("2"), [MISSING, "applied"]),
        ([update("1"), create("2")], rrset(), rrset(), [MISSING, "?"]),
        ([update("1"), create("2")], rrset("2"), rrset("2"), ["?", "?"]),
        ([update("1"), create("2")], rrset("5"), rrset("1"), ["applied", "?"]),
        ([update("1"), create("2")], rrset("5"), rrset("1", "2"), ["applied", "applied"]),
        ([update("1"), create("2")], rrset("5"), rrset("7"), ["?", "?"]),  # somebody else's
        ([update("1"), upsert("2")], rrset(), rrset("2"), [MISSING, "applied"]),
        ([update("1"), upsert("2")], rrset("5"), rrset("2"), ["applied", "applied"]),
        ([update("1"), delete()], rrset(), rrset(), [MISSING, "applied"]),
        ([update("1"), delete(), create("2")], rrset("5"), rrset(), ["applied", "applied", "?"]),
        ([delete(), update("1")], rrset("1"), rrset("1"), ["?", MISSING]),
        ([expecting("1", upsert("2")), upsert("3")], rrset("9"), rrset("3"), [CHANGED, "applied"]),
        ([expecting("1", upsert("2")), upsert("3")], rrset("1"), rrset("3"), ["applied", "applied"]),
        ([expecting("1", upsert("2")), upsert("3")], rrset("2"), rrset("3"), ["applied", "applied"]),  # again
    ],
)
def test_fates(changes: list[Change], before: RRset | None, now: RRset | None, expected: list[str]) -> None:
    assert outcomes(changes, before, now) == expected


def test_what_a_deleted_cname_forbade_has_failed() -> None:
    changes = [create("1"), change("delete", "www", "CNAME")]
    there = RRset(300, ("elsewhere.example.",))
    assert decided_by_before(changes) == [A, CNAME]
    known = fates(changes, {A: None, CNAME: there}, {A: None, CNAME: None})
    assert [known[each.request_id].code for each in changes] == ["cname_conflict", None]


def test_a_ds_that_went_has_kept_the_ns() -> None:
    changes = [change("delete", "www", "NS"), change("delete", "www", "DS")]
    ns, ds = (each.key for each in changes)
    there, signed = RRset(300, ("ns.example.",)), RRset(300, ("1 13 2 " + "00" * 32,))
    assert decided_by_before(changes) == [ns, ds, CNAME]
    known = fates(changes, {ns: there, ds: signed, CNAME: None}, {ns: there, ds: None, CNAME: None})
    assert [known[each.request_id].code for each in changes] == ["ds_without_ns", None]
    assert decided_by_before(changes[::-1]) == []


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ([update("1")], False),
        ([update("1"), update("2")], False),
        ([create("1"), create("2"), change("create", "www", "AAAA", "::1")], False),
        ([create("1"), delete("1")], False),
        ([delete("1"), upsert("2")], False),
        ([update("1"), change("create", "other", "A", "1")], False),
        ([update("1"), create("2")], True),
        ([update("1"), delete("1")], True),
        ([delete(), update("1")], True),
        ([change("create", "www", "CNAME", "a."), delete()], True),
        ([create("1"), change("delete", "www", "CNAME")], True),
    ],
)
def test_the_servers_are_asked_before_a_run_only_where_fates_depend_on_it(
    changes: list[Change], asked: bool
) -> None:
    keys = list(dict.fromkeys([*(each.key for each in changes), CNAME]))
    assert decided_by_before(changes) == (keys if asked else [])

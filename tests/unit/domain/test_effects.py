"""What changes would do to the records, one after the other."""

from dataclasses import replace
from functools import partial

import pytest

from app.domain.change import Action, Change, RRsetKey
from app.domain.effects import Effect, RRset, ZoneRRset, effects
from tests.support.builders import change

ZONE, NAME = "example.test", "www.example.test"
X, Y = "192.0.2.10", "192.0.2.11"

create = partial(change, "create", "www", "A")
update = partial(change, "update", "www", "A")
upsert = partial(change, "upsert", "www", "A")
delete = partial(change, "delete", "www", "A")


def known(*rdata: str, rdtype: str = "A", ttl: int = 300) -> dict[ZoneRRset, RRset]:
    return {(ZONE, RRsetKey(NAME, rdtype)): RRset(ttl, rdata)}


def said(effect: Effect) -> tuple[str, str | None]:
    return effect.planned.outcome, effect.planned.code


@pytest.mark.parametrize(
    ("before", "asked", "after", "outcome"),
    [
        ({}, create(X), RRset(300, (X,)), "applied"),
        (known(X), create(X), RRset(300, (X,)), "unchanged"),
        (known(X), create(Y, ttl=60), RRset(60, (X, Y)), "applied"),
        (known(X), upsert(Y), RRset(300, (Y,)), "applied"),
        ({}, update(Y), RRset(300, (Y,)), "unknown"),
        (known(X), update(X), RRset(300, (X,)), "unchanged"),
        (known(X, Y, ttl=60), delete(X), RRset(60, (Y,)), "applied"),
        (known(X, Y), delete(), None, "applied"),
        (known(X), delete(X), None, "applied"),
        ({}, delete(), None, "unknown"),
        ({}, delete(X), None, "unknown"),
        (known(X), delete(Y), RRset(300, (X,)), "unchanged"),
    ],
)
def test_one_change(before: dict[ZoneRRset, RRset], asked: Change, after: RRset | None, outcome: str) -> None:
    (effect,) = effects([asked], before)
    assert effect.before == before.get((ZONE, asked.key))
    assert (effect.after, effect.planned.outcome) == (after, outcome)


def test_each_change_sees_those_before_it() -> None:
    found = effects([create(X), create(Y), delete(X), delete()], {})
    assert [effect.before for effect in found] == [None, *(effect.after for effect in found[:-1])]
    assert found[2].after == RRset(300, (Y,))
    assert found[3].after is None


def test_it_is_known_what_is_there_where_it_is_recorded_or_the_plan_has_changed_it() -> None:
    asked = [upsert(X), delete(), create(Y), change("create", "sub", "A", X)]
    assert [each.before_is_known for each in effects(asked, {})] == [False, True, True, False]
    assert [each.before_is_known for each in effects(asked, known(X))] == [True, True, True, False]


def test_of_a_zone_that_is_known_as_a_whole_what_is_not_recorded_is_not_there() -> None:
    update = change("update", "www", "A", X)
    ds = change("upsert", "cut", "DS", f"1 8 2 {'AB' * 32}")
    asked = [delete(), update, ds, update, create(X), update]
    found = effects(asked, {}, {ZONE})
    assert [said(effect)[:2] for effect in found] == [
        ("unchanged", None),
        ("failed", "rrset_missing"),
        ("failed", "ds_without_ns"),
        ("failed", "rrset_missing"),
        ("applied", None),
        ("unchanged", None),
    ]
    assert all(effect.before_is_known for effect in found)
    of_signer = change("upsert", "@", "CDS", "0 0 0 00")
    of_child = change("upsert", "_dsboot.example.org._signal.ns1", "CDS", "0 0 0 00")
    assert [each.before_is_known for each in effects([of_signer, of_child], {}, {ZONE})] == [False, True]


def test_what_is_not_recorded_may_be_there_unless_the_plan_has_removed_it() -> None:
    found = effects([delete(), delete(), create(X), delete(), delete()], {})
    assert [said(effect)[0] for effect in found] == [
        "unknown",
        "unchanged",
        "applied",
        "applied",
        "unchanged",
    ]


@pytest.mark.parametrize(
    ("known_values", "removed", "expected"),
    [
        ((), ("a.test.",), ("unknown", "apex_ns_last")),
        (("a.test.", "b.test."), ("a.test.", "b.test."), ("failed", "apex_ns_last")),
        (("a.test.", "b.test."), ("a.test.",), ("applied", None)),
        (("a.test.",), ("b.test.",), ("unchanged", None)),
    ],
)
def test_a_zone_keeps_a_name_server(
    known_values: tuple[str, ...], removed: tuple[str, ...], expected: tuple[str, str | None]
) -> None:
    there = {(ZONE, RRsetKey(ZONE, "NS")): RRset(300, known_values)} if known_values else {}
    (effect,) = effects([change("delete", "@", "NS", *removed)], there)
    assert said(effect) == expected
    assert (effect.after == effect.before) == (expected != ("applied", None))


def test_nothing_is_beside_a_cname() -> None:
    alias = change("create", "www", "CNAME", "a.example.org.")
    (refused,) = effects([alias], known(X))
    assert said(refused) == ("failed", "cname_conflict")
    assert refused.after is None
    address, again, gone, then = effects(
        [create(X), alias, delete(), alias], known("b.example.org.", rdtype="CNAME")
    )
    assert said(address) == ("failed", "cname_conflict")
    assert said(again) == ("failed", "cname_exists")
    assert said(gone) == ("unchanged", None)
    assert said(then) == ("failed", "cname_exists")


def test_a_name_in_two_zones() -> None:
    cut = {("sub.example.test", RRsetKey(NAME, "A")): RRset(300, (X,))}
    (effect,) = effects([delete()], cut)
    assert effect.before is None


def warned(*changes: Change) -> list[list[str]]:
    return [[warning.code for warning in effect.warnings] for effect in effects(changes, {})]


def test_what_a_delegation_covers_is_not_visible() -> None:
    cut = change("create", "sub", "NS", "ns1.sub.example.test.", "ns.other.test.")
    changes = [
        change("create", "www.sub", "A", X),  # before there is a delegation
        change("create", "@", "NS", "ns.other.test."),
        cut,
        change("create", "www.sub", "A", Y),
        change("create", "ns1.sub", "A", X),
        change("create", "ns1.sub", "TXT", '"x"'),
        change("create", "sub", "TXT", '"x"'),
        change("create", "sub", "DS", "1 8 2 ab"),
        change("create", "a.sub", "DS", "1 8 2 ab"),
        change("delete", "a.b.sub", "A"),
        change("create", "xsub", "A", X),
        change("delete", "sub", "DS"),
        replace(cut, action=Action.DELETE, rdata=()),
        change("create", "www.sub", "A", X),
    ]
    covered = ["not_visible"]
    found = [[], [], [], covered, [], covered, covered, [], covered, covered, [], [], [], []]
    assert warned(*changes) == found


@pytest.mark.parametrize(
    ("rdtype", "code", "first", "second"),
    [
        ("DNAME", "single_value", "a.test.", "b.test."),
        ("CSYNC", "single_value", "68 3 A", "70 3 A"),
        ("CDS", "cds_delete_not_alone", "0 0 0 00", "1 8 2 " + "00" * 32),
        ("CDS", "cds_delete_not_alone", "1 8 2 " + "00" * 32, "0 0 0 00"),
        ("CDNSKEY", "cds_delete_not_alone", "0 3 0 AA==", "257 3 200 AAAA"),
    ],
)
def test_what_stands_alone_is_never_joined(rdtype: str, code: str, first: str, second: str) -> None:
    changes = [change("create", "www", rdtype, second), change("create", "www", rdtype, first)]
    refused, same = effects(changes, known(first, rdtype=rdtype))
    assert said(refused) == ("failed", code)
    assert said(same) == ("unchanged", None)
    fine, refused = effects(
        [change("upsert", "www", rdtype, second), changes[1]], known(first, rdtype=rdtype)
    )
    assert said(fine) == ("applied", None)
    assert said(refused) == ("failed", code)


def test_a_null_mx_stands_alone() -> None:
    mail, null = "10 mail.example.test.", "0 ."
    (refused,) = effects([change("create", "www", "MX", null)], known(mail, rdtype="MX"))
    assert said(refused) == ("failed", "null_mx_not_alone")
    (refused,) = effects([change("create", "www", "MX", mail)], known(null, rdtype="MX"))
    assert said(refused) == ("failed", "null_mx_not_alone")
    _, fine = effects(
        [change("delete", "www", "MX", "* mail.example.test."), change("create", "www", "MX", null)],
        known(mail, rdtype="MX"),
    )
    assert said(fine) == ("applied", None)


def test_values_are_known_by_what_they_mean() -> None:
    split = known('"foo" "bar"', rdtype="TXT")
    for action, outcome in (("create", "unchanged"), ("upsert", "unchanged"), ("delete", "applied")):
        (effect,) = effects([change(action, "www", "TXT", '"foobar"')], split)
        assert effect.planned.outcome == outcome
    assert effect.after is None

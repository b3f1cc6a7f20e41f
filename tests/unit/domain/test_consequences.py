"""What a plan says of other names than those that are changed."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.domain.change import Change, RRsetKey
from app.domain.consequences import with_consequences
from app.domain.effects import Effect, RRset, ZoneRRset, effects
from tests.support.builders import ZONE, change, full_name

OTHER = "other.test"
DELEGATED = [("c", "DS", "1 8 2 " + "ab" * 32), ("c", "NS", "a.net.")]
Records = dict[ZoneRRset, RRset]


def records(*items: tuple[str, str, str], zone: str = ZONE) -> Records:
    """Records of an owner, a type, and one value each."""
    return {
        (zone, RRsetKey(full_name(owner, zone), rdtype)): RRset(300, (value,))
        for owner, rdtype, value in items
    }


def plan(known: Records, *changes: Change) -> list[Effect]:
    return with_consequences(effects(changes, known), known, {ZONE, OTHER})


def codes(known: Records, *changes: Change) -> list[str]:
    """The codes of the last change's warnings."""
    return [warning.code for warning in plan(known, *changes)[-1].warnings]


@pytest.mark.parametrize(
    ("known", "asked", "expected"),
    [
        ([("m", "CNAME", "x.net.")], [("create", "@", "MX", f"10 m.{ZONE}.")], ["target_is_alias"]),
        ([("m", "CNAME", "x.net.")], [("create", "_s._tcp", "SRV", f"0 0 1 m.{ZONE}.")], ["target_is_alias"]),
        ([], [("create", "_s._tcp", "SRV", f"0 0 1 m.{ZONE}.")], ["target_not_recorded"]),
        ([], [("create", "_s._tcp", "SRV", f"0 0 1 m.{OTHER}.")], ["target_not_recorded"]),
        ([], [("create", "@", "MX", f"10 m.{OTHER}.")], ["target_not_recorded"]),
        ([], [("create", "_s._tcp", "SRV", "0 0 1 m.elsewhere.net.")], []),
        ([], [("create", "_s._tcp", "SRV", "0 0 0 .")], []),
        ([], [("create", "m", "A", "192.0.2.1"), ("create", "_s", "SRV", f"0 0 1 m.{ZONE}.")], []),
        (
            [("m", "A", "192.0.2.1"), ("@", "MX", f"10 m.{ZONE}.")],
            [("delete", "m", "A")],
            ["breaks_reference"],
        ),
        (
            [("m", "A", "192.0.2.1"), ("w", "CNAME", f"m.{ZONE}.")],
            [("delete", "m", "A")],
            ["breaks_reference"],
        ),
        (
            [("m", "A", "192.0.2.1"), ("m", "AAAA", "::1"), ("@", "MX", f"10 m.{ZONE}.")],
            [("delete", "m", "A")],
            [],
        ),
        (
            [("m", "A", "192.0.2.1"), ("m", "TXT", '"x"'), ("w", "CNAME", f"m.{ZONE}.")],
            [("delete", "m", "A")],
            [],
        ),
        ([("m", "A", "192.0.2.1")], [("delete", "m", "A")], []),
        (
            [("m", "A", "192.0.2.1"), ("w", "CNAME", f"m.{ZONE}.")],
            [("delete", "w", "CNAME"), ("delete", "m", "A")],
            [],
        ),
        ([("www.c", "A", "192.0.2.1")], [("create", "c", "NS", "ns.x.net.")], ["hides_names"]),
        ([("ns.c", "A", "192.0.2.1")], [("create", "c", "NS", f"ns.c.{ZONE}.")], []),
        ([("c", "TXT", '"x"')], [("create", "c", "NS", "ns.x.net.")], ["hides_names"]),
        ([("*", "MX", "10 m.net.")], [("create", "www", "A", "192.0.2.1")], ["wildcard_covers_no_longer"]),
        ([("*", "MX", "10 m.net."), ("www", "TXT", '"x"')], [("create", "www", "A", "192.0.2.1")], []),
        ([("*", "A", "192.0.2.9")], [("create", "www", "A", "192.0.2.1")], []),
        ([("*", "MX", "10 m.net."), ("a", "A", "192.0.2.1")], [("create", "www.a", "A", "192.0.2.1")], []),
        ([], [("create", "a", "A", "192.0.2.1"), ("create", "a", "A", "192.0.2.1")], ["repeated_change"]),
        ([], [("create", "a", "A", "192.0.2.1"), ("upsert", "a", "A", "192.0.2.2")], ["contradicts_earlier"]),
        ([], [("create", "a", "A", "192.0.2.1"), ("delete", "a", "A", "192.0.2.1")], ["contradicts_earlier"]),
        ([], [("create", "a", "A", "192.0.2.1"), ("create", "a", "A", "192.0.2.2")], []),
        ([("a", "A", "192.0.2.1")], [("delete", "a", "A"), ("create", "a", "CNAME", "x.net.")], []),
    ],
)
def test_warnings(
    known: list[tuple[str, str, str]], asked: Sequence[tuple[str, ...]], expected: list[str]
) -> None:
    assert codes(records(*known), *(change(*each) for each in asked)) == expected


def test_the_parent_of_a_zone_that_lacks_its_ns() -> None:
    child = f"child.{ZONE}"
    asked = change("create", "@", "NS", "ns.x.net.", zone=child)

    def said(known: Records) -> list[str]:
        planned = with_consequences(effects([asked], known), known, {ZONE, child})
        return [warning.code for warning in planned[0].warnings]

    assert said({}) == ["parent_without_ns"]
    assert said(records(("child", "NS", "ns.x.net."))) == []


@pytest.mark.parametrize(
    ("known", "asked", "expected"),
    [
        ([("d", "DNAME", "x.net.")], [("create", "a.d", "A", "192.0.2.1")], "below_dname"),
        ([], [("create", "d", "DNAME", "x.net."), ("create", "a.d", "A", "192.0.2.1")], "below_dname"),
        ([("@", "DNAME", "x.net.")], [("create", "a", "A", "192.0.2.1")], "below_dname"),
        ([("d", "DNAME", "x.net.")], [("delete", "d", "DNAME"), ("create", "a.d", "A", "192.0.2.1")], None),
        ([("a.d", "A", "192.0.2.1")], [("create", "d", "DNAME", "x.net.")], "dname_above_data"),
        ([], [("create", "a.d", "A", "192.0.2.1"), ("create", "d", "DNAME", "x.net.")], "dname_above_data"),
        ([("a.d", "A", "192.0.2.1")], [("delete", "a.d", "A"), ("create", "d", "DNAME", "x.net.")], None),
        ([("d", "NS", "ns.net.")], [("create", "d", "DNAME", "x.net.")], "dname_beside_ns"),
        ([("d", "DNAME", "x.net.")], [("create", "d", "NS", "ns.net.")], "dname_beside_ns"),
        ([("@", "NS", "ns.net.")], [("create", "@", "DNAME", "x.net.")], None),
        ([("d", "DNAME", "x.net.")], [("delete", "a.d", "A")], None),
        (DELEGATED, [("delete", "c", "NS")], "ds_without_ns"),
        (DELEGATED, [("delete", "c", "NS", "a.net.", "b.net.")], "ds_without_ns"),
        (DELEGATED, [("create", "c", "NS", "b.net."), ("delete", "c", "NS", "a.net.")], None),
        (DELEGATED, [("upsert", "c", "NS", "c.net.")], None),
        (DELEGATED, [("delete", "c", "DS"), ("delete", "c", "NS")], None),
        (DELEGATED[1:], [("delete", "c", "NS")], None),
    ],
)
def test_what_would_fail(
    known: list[tuple[str, str, str]], asked: Sequence[tuple[str, ...]], expected: str | None
) -> None:
    assert plan(records(*known), *(change(*each) for each in asked))[-1].planned.code == expected


def test_a_ds_without_ns_on_record_may_fail() -> None:
    ds = change("create", "c", "DS", "1 8 2 " + "ab" * 32)
    planned = plan({}, ds)[0].planned
    assert (planned.outcome, planned.code) == ("unknown", "ds_without_ns")
    assert plan({}, change("create", "c", "NS", "ns.net."), ds)[1].planned.outcome == "applied"


def test_ten_thousand_changes_of_names_that_concern_each_other_take_a_moment() -> None:
    known = records(*((f"w{number}.c", "CNAME", f"m.{ZONE}.") for number in range(10_000)))
    changes = [change("upsert", f"w{number}.c", "CNAME", f"m{number % 7}.{ZONE}.") for number in range(9_998)]
    changes += [change("create", "c", "NS", "ns.net."), change("delete", "m", "A")]
    start = time.thread_time()
    plan(known, *changes)
    assert time.thread_time() - start < 2


def test_requesters_are_told_of_what_they_may_see_alone() -> None:
    known = records(
        ("mail", "A", "192.0.2.1"),
        *((owner, "MX", f"10 mail.{ZONE}.") for owner in ("own", "theirs")),
    )

    def words(*owners: str) -> tuple[str, str | None]:
        may_see = {full_name(owner, ZONE) for owner in owners}
        planned = effects([change("delete", "mail", "A")], known)
        (effect,) = with_consequences(planned, known, {ZONE}, lambda place: place[1].name in may_see)
        (warning,) = effect.warnings
        return warning.message, warning.told

    begin = "nothing is left where others point to"
    full = f"{begin}: own.{ZONE} MX, theirs.{ZONE} MX"
    assert words("own", "theirs") == (full, None)
    assert words("own") == (full, f"{begin}: own.{ZONE} MX, what is not yours to see")
    assert words() == (full, f"{begin}: what is not yours to see")


def test_what_points_to_a_name_in_another_view_is_not_broken() -> None:
    inside, outside = f"{ZONE}@inside", f"{ZONE}@outside"
    known = {
        (inside, RRsetKey(f"h.{ZONE}", "A")): RRset(300, ("192.0.2.1",)),
        (outside, RRsetKey(f"h.{ZONE}", "A")): RRset(300, ("192.0.2.1",)),
        (outside, RRsetKey(ZONE, "MX")): RRset(300, (f"10 h.{ZONE}.",)),
        (OTHER, RRsetKey(OTHER, "MX")): RRset(300, (f"10 h.{ZONE}.",)),
    }

    def broken(zone: str) -> list[str]:
        asked = replace(change("delete", "h", "A"), zone=zone)
        (effect,) = with_consequences(effects([asked], known), known, {inside, outside, OTHER})
        return [each.message.rpartition(": ")[2] for each in effect.warnings]

    assert broken(outside) == [f"{ZONE} MX, {OTHER} MX"]
    assert broken(inside) == [f"{OTHER} MX"]  # which of the two views that looks at, nobody knows


def test_targets_are_looked_for_in_the_own_view() -> None:
    inside, outside = f"{OTHER}@inside", f"{OTHER}@outside"
    known = {(inside, RRsetKey(f"m.{OTHER}", "A")): RRset(300, ("192.0.2.1",))}

    def said(zone: str) -> list[str]:
        asked = replace(change("create", "@", "MX", f"10 m.{OTHER}."), zone=zone)
        (effect,) = with_consequences(
            effects([asked], known), known, {f"{ZONE}@inside", f"{ZONE}@outside", ZONE, inside, outside}
        )
        return [each.code for each in effect.warnings]

    assert said(f"{ZONE}@inside") == []
    assert said(f"{ZONE}@outside") == ["target_not_recorded"]
    assert said(ZONE) == []  # nobody knows in which view


def test_the_rules_of_an_apex_count_in_a_view() -> None:
    apex_ns = replace(change("create", "@", "NS", "ns.other.net."), zone=f"{ZONE}@inside")
    known = {(f"{ZONE}@inside", RRsetKey(f"www.{ZONE}", "A")): RRset(300, ("192.0.2.1",))}
    (effect,) = with_consequences(
        effects([apex_ns], known), known, {f"{ZONE}@inside", ZONE.partition(".")[2]}
    )
    assert [each.code for each in effect.warnings] == ["parent_without_ns"]  # it hides no names

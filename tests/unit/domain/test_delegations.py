"""What a plan says of the two sides of a zone cut that are both served here."""

import time
from dataclasses import replace

import pytest

from app.domain.change import Change, RRsetKey
from app.domain.delegations import hosts_at_cuts, with_delegations
from app.domain.effects import RRset, ZoneRRset, effects
from tests.support.builders import ZONE, change, full_name

CHILD = f"child.{ZONE}"
KEY = "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
DS = "1 8 2 " + "ab" * 32  # of no key
NS1 = f"ns1.{CHILD}."
Records = dict[ZoneRRset, RRset]
Item = tuple[str, str, str, str]  # a zone, an owner name in it, a type, a value

DELEGATED: list[Item] = [(ZONE, "child", "NS", NS1), (ZONE, "ns1.child", "A", "192.0.2.1")]
OWN: list[Item] = [(CHILD, "@", "NS", NS1), (CHILD, "ns1", "A", "192.0.2.1")]


def records(*items: Item) -> Records:
    return {
        (zone, RRsetKey(full_name(owner, zone), rdtype)): RRset(300, (value,))
        for zone, owner, rdtype, value in items
    }


def asked(action: str, zone: str, owner: str, rdtype: str, *values: str) -> Change:
    return change(action, owner, rdtype, *values, zone=zone)


def codes(known: list[Item], *changes: Change) -> list[list[str]]:
    """The codes of each change's warnings."""
    found = records(*known)
    planned = effects(changes, found)
    before = [len(effect.warnings) for effect in planned]
    said = with_delegations(planned, found, {ZONE, CHILD})
    return [
        [warning.code for warning in effect.warnings[number:]]
        for effect, number in zip(said, before, strict=True)
    ]


@pytest.mark.parametrize(
    ("known", "one", "expected"),
    [
        ([], ("create", ZONE, "child", "NS", NS1), ["glue_missing"]),
        (OWN, ("create", ZONE, "child", "NS", NS1), ["glue_missing"]),
        (DELEGATED[1:], ("create", ZONE, "child", "NS", NS1), []),
        ([], ("create", ZONE, "child", "NS", "ns.other.test."), []),
        ([], ("create", ZONE, "else", "NS", f"ns.else.{ZONE}."), []),  # whose zone is not served
        (DELEGATED, ("upsert", ZONE, "child", "NS", "ns.other.test."), ["glue_left_over"]),
        (DELEGATED, ("delete", ZONE, "child", "NS"), ["glue_left_over"]),
        (DELEGATED[:1], ("delete", ZONE, "child", "NS"), []),
        ([(ZONE, "child", "DS", DS), DELEGATED[0]], ("delete", ZONE, "child", "NS"), []),  # it fails
        (DELEGATED + OWN, ("update", CHILD, "ns1", "A", "192.0.2.9"), ["glue_differs"]),
        (DELEGATED + OWN, ("create", CHILD, "ns1", "AAAA", "2001:db8::1"), []),
        (DELEGATED + OWN, ("delete", CHILD, "ns1", "A"), ["glue_left_over"]),
        (DELEGATED, ("create", CHILD, "ns1", "A", "192.0.2.1"), []),
        (DELEGATED + OWN, ("update", ZONE, "ns1.child", "A", "192.0.2.9"), ["glue_differs"]),
        (DELEGATED + OWN, ("delete", ZONE, "ns1.child", "A"), []),
        (DELEGATED[:1], ("create", ZONE, "ns1.child", "A", "192.0.2.9"), []),
        ([], ("create", CHILD, "www", "A", "192.0.2.9"), []),
        (DELEGATED + OWN, ("upsert", CHILD, "@", "NS", "ns.other.test."), ["parent_ns_differs"]),
        (DELEGATED + OWN, ("create", ZONE, "child", "NS", "ns.other.test."), ["parent_ns_differs"]),
        ([], ("create", CHILD, "@", "NS", NS1), []),
        (DELEGATED, ("create", ZONE, "child", "DS", DS), []),  # nobody knows the child's keys
        (
            [*DELEGATED, (CHILD, "@", "DNSKEY", KEY)],
            ("create", ZONE, "child", "DS", DS),
            ["ds_without_key", "key_without_ds"],
        ),
        ([], ("create", CHILD, "@", "DNSKEY", KEY), ["key_without_ds"]),
        ([], ("create", CHILD, "@", "CDNSKEY", KEY), ["key_without_ds"]),
        ([], ("create", CHILD, "@", "CDS", DS), ["key_without_ds"]),
        ([(ZONE, "child", "DS", DS)], ("create", CHILD, "@", "CDS", DS), []),
        ([(ZONE, "child", "DS", DS)], ("create", CHILD, "@", "CDS", "0 0 0 00"), ["ds_without_key"]),
        (
            [(ZONE, "child", "DS", DS), (CHILD, "@", "DNSKEY", KEY)],
            ("delete", CHILD, "@", "DNSKEY"),
            ["ds_without_key"],
        ),
        (
            [(CHILD, "@", "CDS", DS), (ZONE, "child", "DS", DS)],
            ("delete", ZONE, "child", "DS"),
            ["key_without_ds"],
        ),
        ([], ("create", ZONE, "@", "DNSKEY", KEY), []),  # the zone above is not served
        ([], ("create", ZONE, "child", "CDS", DS), []),
        (DELEGATED + OWN, ("create", CHILD, "ns1", "CNAME", "x.test."), []),
    ],
)
def test_one_change(known: list[Item], one: tuple[str, ...], expected: list[str]) -> None:
    assert codes(known, asked(*one)) == [expected]


def test_the_batch_counts_as_it_ends() -> None:
    both = [
        asked("update", CHILD, "ns1", "A", "192.0.2.9"),
        asked("update", ZONE, "ns1.child", "A", "192.0.2.9"),
    ]
    assert codes(DELEGATED + OWN, *both) == [[], []]
    removed = [
        asked("delete", ZONE, "child", "DS"),
        asked("delete", ZONE, "child", "NS"),
        asked("delete", ZONE, "ns1.child", "A"),
    ]
    assert codes([*DELEGATED, (ZONE, "child", "DS", DS)], *removed) == [[]] * 3


def test_it_is_said_once_of_each_rrset_and_not_of_what_fails() -> None:
    several = [asked("upsert", CHILD, "ns1", "A", f"192.0.2.{number}") for number in (7, 8)]
    fails = asked("create", CHILD, "ns1", "CNAME", "x.test.")
    assert codes(DELEGATED + OWN, *several, fails) == [[], ["glue_differs"], []]


def test_a_zone_in_a_zone_in_a_zone() -> None:
    grandchild = f"g.{CHILD}"
    known = records((ZONE, "ns.g.child", "A", "192.0.2.1"), (CHILD, "ns.g", "A", "192.0.2.2"))
    planned = effects([asked("create", grandchild, "ns", "A", "192.0.2.3")], known)
    (said,) = with_delegations(planned, known, {ZONE, CHILD, grandchild})
    assert [warning.code for warning in said.warnings] == ["glue_differs"] * 2
    assert ZONE in said.warnings[1].message


def test_the_words_name_what_is_meant() -> None:
    known = records(*DELEGATED, *OWN, (ZONE, "child", "DS", DS), (CHILD, "@", "DNSKEY", KEY))
    changes = [
        asked("update", CHILD, "ns1", "A", "192.0.2.9"),
        asked("create", CHILD, "@", "DNSKEY", KEY.replace("257", "256", 1)),
    ]
    said = with_delegations(effects(changes, known), known, {ZONE, CHILD})
    glue, bogus, key = (warning.message for effect in said for warning in effect.warnings)
    assert glue == f"{ZONE} has the glue 192.0.2.1, and {CHILD} has 192.0.2.9 at ns1.{CHILD}"
    assert bogus == (
        f"{ZONE} has DS for keys that {CHILD} has not on record: 1, so validators take the zone for forged"
    )
    assert key == f"{ZONE} has no DS on record for these keys of {CHILD}: 3613"


def test_which_hosts_have_to_be_known() -> None:
    changes = [asked("delete", ZONE, "child", "NS"), asked("delete", ZONE, "www", "A")]
    assert hosts_at_cuts(changes, records(*DELEGATED)) == {f"ns1.{CHILD}"}
    assert hosts_at_cuts([asked("create", CHILD, "@", "NS", NS1)], records(*OWN)) == set()


def test_a_thousand_keys_and_digests_take_a_moment() -> None:
    many = [f"257 3 8 AQ{number:04}AA" for number in range(1_000)]
    digests = [f"{number} 8 2 {number:064x}" for number in range(1_000)]
    changes = [asked("upsert", CHILD, "@", "DNSKEY", *many), asked("upsert", ZONE, "child", "DS", *digests)]
    start = time.thread_time()
    assert codes(DELEGATED, *changes * 100)[-1] == ["ds_without_key", "key_without_ds"]
    assert time.thread_time() - start < 5


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        (f"{ZONE}@inside", f"{CHILD}@inside", ["parent_ns_differs"]),
        (f"{ZONE}@inside", CHILD, ["parent_ns_differs"]),
        (ZONE, f"{CHILD}@inside", ["parent_ns_differs"]),
        (f"{ZONE}@inside", f"{CHILD}@outside", []),
    ],
)
def test_both_sides_lie_in_the_same_view_or_one_in_none(parent: str, child: str, expected: list[str]) -> None:
    known = {
        (parent, RRsetKey(CHILD, "NS")): RRset(300, ("a.net.",)),
        (child, RRsetKey(CHILD, "NS")): RRset(300, ("a.net.",)),
    }
    changes = [
        replace(change("upsert", "child", "NS", "b.net."), zone=parent),
        replace(change("upsert", "@", "NS", "b.net.", zone=CHILD), zone=child),
    ]
    for one in changes:
        said = with_delegations(effects([one], known), known, {parent, child})
        assert [warning.code for warning in said[0].warnings if "ns_differs" in warning.code] == expected

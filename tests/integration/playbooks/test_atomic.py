"""Changes of a group are applied together or not at all, in one message or call."""

from typing import Any

import pytest

from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.thoroughly import thoroughly
from tests.support.zones import APPLIED, UNCHANGED, ApiZoneUnderTest, ChangeOutcome, ZoneUnderTest, failed

ATOMIC_FAILED = failed("atomic_failed")


@pytest.fixture(params=["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def zone(request: pytest.FixtureRequest, zone_on: ZoneOn) -> ZoneUnderTest:
    return zone_on(str(request.param))


def grouped(*changes: dict[str, Any], group: str = "g") -> list[dict[str, Any]]:
    return [change | {"group": group} for change in changes]


def test_all_in_one_message(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    zone.target = zone.target._replace(max_changes=2)
    group = grouped(
        zone.change("delete", "www", "A"),
        zone.change("create", "www", "CNAME", "a.example."),
        zone.change("create", "mail", "MX", f"10 mx.{zone.name}."),
        zone.change("create", "mx", "A", "192.0.2.2"),
        zone.change("create", "mx", "A", "192.0.2.3", ttl=60),
    )
    assert zone.apply(*group) == [APPLIED] * 5
    assert zone.outcomes.messages == 1
    assert zone.values("www", "CNAME") == {"a.example."}
    assert zone.answer("mx", "A") == (60, {"192.0.2.2", "192.0.2.3"})


def test_or_none(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    group = grouped(
        zone.change("create", "new", "A", "192.0.2.1"),
        zone.change("update", "missing", "A", "192.0.2.1"),
        zone.change("delete", "www", "A"),
        zone.change("create", "www", "CNAME", "a.example."),
    )
    assert zone.apply(*group) == [ATOMIC_FAILED, failed("rrset_missing"), ATOMIC_FAILED, ATOMIC_FAILED]
    assert f"missing.{zone.name} A of the same group" in zone.message(group[0])
    assert (zone.values("www", "A"), zone.values("new", "A")) == ({"192.0.2.1"}, set())


def test_what_is_expected_is_expected_for_all(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    nothing: dict[str, Any] = {"expect": {"ttl": None, "rdata": []}}
    group = grouped(
        zone.change("create", "new", "A", "192.0.2.1"),
        zone.change("upsert", "www", "A", "192.0.2.2") | nothing,
    )
    assert zone.apply(*group) == [ATOMIC_FAILED, failed("state_changed")]
    assert (zone.values("www", "A"), zone.values("new", "A")) == ({"192.0.2.1"}, set())
    there = {"expect": {"ttl": 300, "rdata": ["192.0.2.1"]}}
    group = [group[0] | nothing, group[1] | there]
    assert zone.apply(*group) == [APPLIED] * 2
    assert zone.apply(*group) == [UNCHANGED] * 2


def test_neighbours_keep_their_order_and_their_own_fates(zone: ZoneUnderTest) -> None:
    batch = [
        zone.change("create", "www", "A", "192.0.2.1"),
        zone.change("create", "one", "A", "192.0.2.1"),
        *grouped(
            zone.change("upsert", "www", "A", "192.0.2.2"), zone.change("create", "two", "A", "192.0.2.1")
        ),
        *grouped(
            zone.change("upsert", "www", "A", "192.0.2.3"),
            zone.change("create", "two", "CNAME", "a.example."),
            group="h",
        ),
        zone.change("create", "www", "A", "192.0.2.4"),
    ]
    assert zone.apply(*batch) == [APPLIED] * 4 + [ATOMIC_FAILED, failed("cname_conflict")] + [APPLIED]
    assert zone.values("www", "A") == {"192.0.2.2", "192.0.2.4"}


def test_a_wildcard_does_not_fail_a_group(zone: ZoneUnderTest) -> None:
    zone.do("create", "*", "CNAME", "a.example.")
    group = grouped(
        zone.change("create", "one", "A", "192.0.2.1"),
        zone.change("create", "two", "A", "192.0.2.1"),
        zone.change("delete", "two", "TXT"),
    )
    assert zone.apply(*group) == [APPLIED, APPLIED, UNCHANGED]
    assert zone.values("two", "A") == {"192.0.2.1"}


def test_below_a_delegation(zone: ZoneUnderTest) -> None:
    zone.do("create", "sub", "NS", "ns.sub.example.org.")
    group = grouped(
        zone.change("create", "ns.sub", "A", "192.0.2.1"),
        zone.change("create", "new", "A", "192.0.2.1"),
    )
    assert zone.apply(*group) == [APPLIED] * 2


Asked = tuple[str, str, str, list[str]]  # action, owner, type, values
Group = list[tuple[Asked, ChangeOutcome]]

DNAME: Asked = ("create", "d", "DNAME", ["x.example.org."])
BELOW: Asked = ("create", "www.d", "A", ["192.0.2.1"])
BELOW_TOO: Asked = ("create", "www.d", "AAAA", ["2001:db8::1"])
BESIDE: Asked = ("create", "other", "A", ["192.0.2.1"])
NO_DNAME: Asked = ("delete", "d", "DNAME", [])

# what is there, the group, and what is there afterwards at d and below it
AROUND_DNAMES: dict[str, tuple[list[Asked], Group, tuple[bool, bool]]] = {
    "a DNAME above data": (
        [BELOW],
        [(BESIDE, ATOMIC_FAILED), (DNAME, failed("dname_above_data"))],
        (False, True),
    ),
    "data below a DNAME": (
        [DNAME],
        [(BESIDE, ATOMIC_FAILED), (BELOW, failed("below_dname")), (BELOW_TOO, failed("below_dname"))],
        (True, False),
    ),
    "data in the place of a DNAME": (
        [DNAME],
        [(NO_DNAME, APPLIED), (BELOW, APPLIED), (BELOW_TOO, APPLIED), (BESIDE, APPLIED)],
        (False, True),
    ),
    "data before the DNAME goes": (
        [DNAME],
        [(BELOW, failed("below_dname")), (NO_DNAME, ATOMIC_FAILED)],
        (True, False),
    ),
    "a DNAME, then data below it": (
        [],
        [(DNAME, ATOMIC_FAILED), (BELOW, failed("below_dname")), (BELOW_TOO, failed("below_dname"))],
        (False, False),
    ),
    "data, then a DNAME above it": (
        [],
        [(BELOW, ATOMIC_FAILED), (DNAME, failed("dname_above_data"))],
        (False, False),
    ),
    "another DNAME, and data below it": (
        [DNAME],
        [(("upsert", "d", "DNAME", ["y.example.org."]), ATOMIC_FAILED), (BELOW, failed("below_dname"))],
        (True, False),
    ),
    "a DNAME that comes and goes, and data": (
        [],
        [(DNAME, APPLIED), (NO_DNAME, APPLIED), (BELOW, APPLIED)],
        (False, True),
    ),
}


@pytest.mark.parametrize("case", AROUND_DNAMES)
def test_around_a_dname(zone: ZoneUnderTest, case: str) -> None:
    there, group, after = AROUND_DNAMES[case]
    for action, owner, rdtype, values in there:
        assert zone.do(action, owner, rdtype, *values) == APPLIED
    changes = grouped(*(zone.change(*asked[:3], *asked[3]) for asked, _ in group))
    expected = [fate for _, fate in group]
    assert zone.dry_run(*changes) == expected
    assert zone.apply(*changes) == expected
    is_below = bool(zone.values("www.d", "A")) and not zone.values("d", "DNAME")
    assert (bool(zone.values("d", "DNAME")), is_below) == after
    assert bool(zone.values("other", "A")) == ((BESIDE, APPLIED) in group)


@pytest.mark.parametrize("server", ["bind", thoroughly("knot"), "api"])
def test_a_dname_in_the_place_of_data(zone_on: ZoneOn, server: str) -> None:
    """That nothing else is below it, only a transfer tells, or the API."""
    zone = zone_on(server)
    zone.do("create", "www.d", "A", "192.0.2.1", "192.0.2.2")
    swap = grouped(zone.change("delete", "www.d", "A"), zone.change("create", "d", "DNAME", "x.example.org."))
    zone.do("create", "a.b.d", "TXT", '"x"')
    assert zone.apply(*swap) == [ATOMIC_FAILED, failed("dname_above_data")]
    zone.do("delete", "a.b.d", "TXT")
    partly = grouped(zone.change("delete", "www.d", "A", "192.0.2.1"), swap[1])
    assert zone.apply(*partly) == [ATOMIC_FAILED, failed("dname_above_data")]
    assert zone.values("www.d", "A") == {"192.0.2.1", "192.0.2.2"}
    assert zone.dry_run(*swap) == [APPLIED] * 2
    assert zone.apply(*swap) == [APPLIED] * 2
    assert zone.values("d", "DNAME") == {"x.example.org."}


def test_a_delegation_with_all_its_glue(zone: ZoneUnderTest) -> None:
    delegation = [
        zone.change("create", "sub", "NS", f"ns.sub.{zone.name}."),
        zone.change("create", "ns.sub", "A", "192.0.2.1"),
        zone.change("create", "ns.sub", "AAAA", "2001:db8::1"),
    ]
    assert zone.apply(*grouped(*delegation)) == [APPLIED] * 3
    more = [
        zone.change("create", "ns.sub", "A", "192.0.2.2"),
        zone.change("upsert", "ns.sub", "AAAA", "2001:db8::2"),
        zone.change("create", "ns2.sub", "A", "192.0.2.3"),
        zone.change("create", "ns2.sub", "A", "192.0.2.4"),
        zone.change("create", "ns2.sub", "AAAA", "2001:db8::3"),
    ]
    there = APPLIED if zone.shows_hidden else failed("hidden")
    assert zone.dry_run(*grouped(*more)) == [there] * 2 + [APPLIED] * 3
    assert zone.apply(*grouped(*more)) == [APPLIED] * 5
    zone.do("delete", "sub", "NS")
    assert zone.values("ns.sub", "A") == {"192.0.2.1", "192.0.2.2"}
    assert zone.values("ns.sub", "AAAA") == {"2001:db8::2"}
    assert zone.values("ns2.sub", "A") == {"192.0.2.3", "192.0.2.4"}
    assert zone.values("ns2.sub", "AAAA") == {"2001:db8::3"}


def test_glue_that_is_expected(zone: ZoneUnderTest) -> None:
    """As a kept plan has it: each change expects what the one before has made."""
    zone.do("create", "sub", "NS", f"ns.sub.{zone.name}.")
    zone.do("create", "ns.sub", "A", "192.0.2.1")

    def group(*first: str) -> list[dict[str, Any]]:
        return grouped(
            zone.change("create", "ns.sub", "AAAA", "2001:db8::1") | expecting(),
            zone.change("delete", "ns.sub", "A", "192.0.2.1") | expecting(*first),
            zone.change("create", "ns.sub", "A", "192.0.2.3") | expecting(*(set(first) - {"192.0.2.1"})),
        )

    assert failed("state_changed") in zone.apply(*group("192.0.2.1", "192.0.2.2"))
    assert zone.apply(*group("192.0.2.1")) == [APPLIED] * 3
    zone.do("delete", "sub", "NS")
    assert (zone.values("ns.sub", "A"), zone.values("ns.sub", "AAAA")) == ({"192.0.2.3"}, {"2001:db8::1"})


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
@pytest.mark.parametrize("expects", [thoroughly(False), True])
def test_a_delegation_to_a_zone_on_the_same_server(
    request: pytest.FixtureRequest, zone_on: ZoneOn, server: str, expects: bool
) -> None:
    """It answers from the child; what the parent holds, only a transfer shows."""
    zone = zone_on(server)
    stack: Stack = request.getfixturevalue("infrastructure" if server == "bind" else "more_name_servers")
    stack.add_zone(zone.full("c"), "powerdns" if server == "api" else server)
    ds = [f"{tag} 8 2 {'ab' * 32}" for tag in (1, 2)]
    nothing = expecting() if expects else {}
    made = [
        zone.change("create", "c", "NS", f"ns.c.{zone.name}.") | nothing,
        zone.change("create", "c", "DS", ds[0]) | nothing,
        zone.change("create", "ns.c", "A", "192.0.2.1") | nothing,
        zone.change("create", "ns.c", "AAAA", "2001:db8::1") | nothing,
    ]
    assert zone.dry_run(*grouped(*made)) == [APPLIED] * 4
    assert not any(
        before and before[1] for before in map(zone.before, made)
    )  # the child's own are no state of it
    assert zone.apply(*grouped(*made)) == [APPLIED] * 4
    changed = [
        zone.change("update", "c", "NS", "ns.example.org.")
        | (expecting(f"ns.c.{zone.name}.") if expects else {}),
        zone.change("create", "c", "DS", ds[1]) | (expecting(ds[0]) if expects else {}),
        zone.change("delete", "ns.c", "A", "192.0.2.1") | (expecting("192.0.2.1") if expects else {}),
        zone.change("delete", "ns.c", "AAAA") | (expecting("2001:db8::1") if expects else {}),
    ]
    there = APPLIED if zone.shows_hidden else failed("hidden")
    assert zone.dry_run(*grouped(*changed)) == [there] * 4
    assert zone.apply(*grouped(*changed)) == [APPLIED] * 4
    assert (failed("state_changed") in zone.apply(*grouped(*made))) == expects
    held = {tuple(line.split(" ")[3:5]) for line in zone.transfer() if not line.startswith("@")}
    assert held >= {("NS", "ns.example.org."), ("DS", "1"), ("DS", "2")}
    assert (("A", "192.0.2.1") in held) is not expects


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def test_the_ns_for_a_zone_on_the_same_server_stay_while_there_is_a_ds(
    request: pytest.FixtureRequest, zone_on: ZoneOn, server: str
) -> None:
    zone = zone_on(server)
    stack: Stack = request.getfixturevalue("infrastructure" if server == "bind" else "more_name_servers")
    stack.add_zone(zone.full("c"), "powerdns" if server == "api" else server)
    ds = f"1 8 2 {'ab' * 32}"

    def items(action: str, *types: str) -> list[dict[str, Any]]:
        values = {"NS": "ns.example.org.", "DS": ds}
        before = expecting() if action == "create" else {}
        return [
            zone.change(action, "c", kind, *([values[kind]] if action == "create" else [])) | before
            for kind in types
        ]

    def expected(*changes: dict[str, Any]) -> list[dict[str, Any]]:
        values = {"NS": "ns.example.org.", "DS": ds}
        return [change | expecting(values[change["type"]]) for change in changes]

    for together in (list, lambda changes: grouped(*changes)):
        for conditions in (lambda *changes: list(changes), expected):
            assert zone.apply(*together(items("create", "NS", "DS"))) == [APPLIED] * 2
            refused = zone.apply(*items("delete", "NS"))
            assert refused == [failed("ds_without_ns")]
            assert zone.apply(*together(conditions(*items("delete", "DS", "NS")))) == [APPLIED] * 2


def expecting(*rdata: str) -> dict[str, Any]:
    return {"expect": {"ttl": 300 if rdata else None, "rdata": list(rdata)}}


@pytest.mark.parametrize("zone", ["bind", *map(thoroughly, ("knot", "powerdns", "api"))], indirect=True)
def test_what_no_message_carries(zone: ZoneUnderTest) -> None:
    text = " ".join(['"' + "x" * 250 + '"'] * 120)
    number = 40 if isinstance(zone, ApiZoneUnderTest) else 3
    group = grouped(*(zone.change("create", f"h{each}", "TXT", text) for each in range(number)))
    assert zone.apply(*group) == [failed("too_large")] * number
    assert zone.values("h0", "TXT") == set()


def test_a_dry_run_says_so(zone: ZoneUnderTest) -> None:
    group = grouped(
        zone.change("create", "new", "A", "192.0.2.1"), zone.change("update", "missing", "A", "192.0.2.1")
    )
    assert zone.dry_run(*group) == [ATOMIC_FAILED, failed("rrset_missing")]


def test_a_group_of_one(zone: ZoneUnderTest) -> None:
    assert zone.apply(*grouped(zone.change("create", "www", "A", "192.0.2.1"))) == [APPLIED]

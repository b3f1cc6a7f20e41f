"""Changes of a group are applied together or not at all, in one message or call."""

from typing import Any

import pytest

from tests.integration.conftest import ZoneOn
from tests.support.zones import APPLIED, UNCHANGED, ApiZoneUnderTest, ZoneUnderTest, failed

ATOMIC_FAILED = failed("atomic_failed")


@pytest.fixture(params=["bind", "knot", "powerdns", "api"])
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

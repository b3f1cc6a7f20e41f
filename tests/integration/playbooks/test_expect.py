"""Compare and set: a change that expects an RRset is applied where it is there, and nowhere else."""

from typing import Any

import pytest

from tests.integration.conftest import ZoneOn
from tests.support.thoroughly import thoroughly
from tests.support.zones import APPLIED, UNCHANGED, ZoneUnderTest, failed

STATE_CHANGED = failed("state_changed")


@pytest.fixture(params=["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def zone(request: pytest.FixtureRequest, zone_on: ZoneOn) -> ZoneUnderTest:
    return zone_on(str(request.param))


def expecting(change: dict[str, Any], *rdata: str, ttl: int | None = None) -> dict[str, Any]:
    return change | {"expect": {"ttl": ttl, "rdata": list(rdata)}}


def test_what_is_expected_is_replaced_and_nothing_else(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1", "192.0.2.2")
    wanted = zone.change("upsert", "www", "A", "192.0.2.3")
    assert zone.apply(expecting(wanted, "192.0.2.1")) == [STATE_CHANGED]
    assert "there is 192.0.2.1, 192.0.2.2 with the TTL 300" in zone.message(wanted)
    assert zone.apply(expecting(wanted)) == [STATE_CHANGED]
    assert zone.values("www", "A") == {"192.0.2.1", "192.0.2.2"}
    assert zone.apply(expecting(wanted, "192.0.2.2", "192.0.2.1")) == [APPLIED]
    assert zone.before(wanted) == (300, {"192.0.2.1", "192.0.2.2"})
    assert zone.values("www", "A") == {"192.0.2.3"}


def test_the_ttl_is_compared_where_it_is_expected(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1", ttl=60)
    wanted = zone.change("delete", "www", "A")
    assert zone.apply(expecting(wanted, "192.0.2.1", ttl=300)) == [STATE_CHANGED]
    assert zone.apply(expecting(wanted, "192.0.2.1", ttl=60)) == [APPLIED]
    assert zone.values("www", "A") == set()


def test_nothing_is_expected(zone: ZoneUnderTest) -> None:
    wanted = zone.change("create", "www", "A", "192.0.2.1")
    assert zone.apply(expecting(wanted)) == [APPLIED]
    assert zone.apply(expecting(zone.change("create", "www", "A", "192.0.2.2"))) == [STATE_CHANGED]
    assert zone.values("www", "A") == {"192.0.2.1"}


def test_a_change_that_is_tried_again_finds_what_it_has_made(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    swap = [
        expecting(zone.change("upsert", "www", "A", "192.0.2.2", ttl=60), "192.0.2.1", ttl=300),
        expecting(zone.change("create", "www", "A", "192.0.2.3", ttl=60), "192.0.2.2", ttl=60),
        expecting(zone.change("upsert", "txt", "TXT", '"a" "b"')),
    ]
    assert zone.apply(*swap) == [APPLIED] * 3
    assert zone.apply(*swap) == [UNCHANGED] * 3
    assert zone.answer("www", "A") == (60, {"192.0.2.2", "192.0.2.3"})
    assert zone.apply(swap[0]) == [STATE_CHANGED]


def test_each_of_several_changes_expects_what_those_before_it_leave(zone: ZoneUnderTest) -> None:
    changes = [
        expecting(zone.change("create", "www", "A", "192.0.2.1")),
        expecting(zone.change("create", "www", "A", "192.0.2.2"), "192.0.2.1", ttl=300),
        expecting(zone.change("delete", "www", "A", "192.0.2.1"), "192.0.2.9"),
        zone.change("create", "www", "AAAA", "2001:db8::1"),
        expecting(zone.change("create", "www", "TXT", '"x"'), '"y"'),
    ]
    assert zone.apply(*changes) == [APPLIED, APPLIED, STATE_CHANGED, APPLIED, STATE_CHANGED]
    assert zone.values("www", "A") == {"192.0.2.1", "192.0.2.2"}
    assert zone.outcomes.messages == 1


def test_what_somebody_else_has_changed_fails_at_once_and_its_neighbours_do_not(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.9")
    neighbours = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(5)]
    mine = expecting(zone.change("upsert", "www", "A", "192.0.2.2"), "192.0.2.1")
    assert (
        zone.apply(*neighbours[:2], mine, *neighbours[2:]) == [APPLIED] * 2 + [STATE_CHANGED] + [APPLIED] * 3
    )


def test_an_answer_from_a_wildcard_is_not_what_is_expected(zone: ZoneUnderTest) -> None:
    zone.do("create", "*", "A", "192.0.2.9")
    assert zone.apply(expecting(zone.change("create", "www", "A", "192.0.2.1"))) == [APPLIED]
    assert zone.values("www", "A") == {"192.0.2.1"}
    other = expecting(zone.change("create", "web", "A", "192.0.2.1"), "192.0.2.9", ttl=300)
    assert zone.apply(other) == [STATE_CHANGED]


def test_what_no_answer_shows_is_asked_of_the_server(zone: ZoneUnderTest) -> None:
    zone.do("create", "sub", "NS", "ns.sub.example.org.")
    zone.do("create", "x.sub", "TXT", '"a"')
    wanted = zone.change("upsert", "x.sub", "TXT", '"b"')
    assert zone.apply(expecting(wanted, '"c"')) == [STATE_CHANGED]
    assert zone.apply(expecting(wanted)) == [STATE_CHANGED]
    assert zone.apply(expecting(wanted, '"a"')) == [APPLIED]
    assert zone.apply(expecting(zone.change("delete", "sub", "NS"), "ns.sub.example.org.")) == [APPLIED]
    assert zone.values("x.sub", "TXT") == {'"b"'}


def test_a_dry_run_says_so(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    wanted = zone.change("upsert", "www", "A", "192.0.2.2")
    assert zone.dry_run(expecting(wanted, "192.0.2.1", ttl=300)) == [APPLIED]
    assert zone.dry_run(expecting(wanted, "192.0.2.3")) == [STATE_CHANGED]


@pytest.mark.parametrize("zone", ["bind", *map(thoroughly, ("knot", "powerdns", "api"))], indirect=True)
def test_what_is_there_and_what_comes_are_more_than_a_message(zone: ZoneUnderTest) -> None:
    """The values can't be a prerequisite then: nothing in the zone may have changed since they were read."""
    large, larger, other = (" ".join([f'"{each * 250}"'] * number) for each, number in LARGE)
    zone.do("create", "www", "TXT", large)
    there, back = (
        expecting(zone.change("upsert", "www", "TXT", new), old, ttl=300)
        for old, new in ((large, larger), (larger, large))
    )
    assert zone.dry_run(there) == [APPLIED]
    assert zone.apply(there, zone.change("create", "new", "A", "192.0.2.1")) == [APPLIED] * 2
    assert zone.apply(there) == [UNCHANGED]
    assert zone.apply(expecting(zone.change("upsert", "www", "TXT", other), large)) == [STATE_CHANGED]
    group = [each | {"group": "g"} for each in (back, zone.change("delete", "new", "A"))]
    assert zone.apply(*group) == [APPLIED] * 2
    assert (zone.values("www", "TXT"), zone.values("new", "A")) == ({large}, set())


LARGE = (("a", 140), ("b", 160), ("c", 140))  # strings of 250 octets


def test_a_swap_to_an_alias_and_back_is_one_message_each(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    there = [
        expecting(zone.change("delete", "www", "A"), "192.0.2.1", ttl=300),
        expecting(zone.change("create", "www", "CNAME", "a.example.")),
    ]
    back = [
        expecting(zone.change("delete", "www", "CNAME"), "a.example.", ttl=300),
        expecting(zone.change("create", "www", "A", "192.0.2.2")),
        expecting(zone.change("create", "www", "TXT", '"x"')),
    ]
    for swap in (there, back):
        assert zone.apply(*swap) == [APPLIED] * len(swap)
        assert zone.outcomes.messages == 1
    assert zone.values("www", "A") == {"192.0.2.2"}
    assert zone.apply(*there) == [STATE_CHANGED, failed("cname_conflict")]
    assert zone.values("www", "A") == {"192.0.2.2"}

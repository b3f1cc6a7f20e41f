"""Each change's result says what was there before it."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import ZoneOn
from tests.support.thoroughly import examples, thoroughly
from tests.support.zones import APPLIED, ZoneUnderTest

NOTHING = (None, set[str]())
VALUES = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "TXT": ['"ab"', '"a" "b"', '"c"'],
    "CNAME": ["x.example.org."],
    "MX": ["10 a.example.org.", "20 a.example.org."],
}
ASKED = st.sampled_from(sorted(VALUES)).flatmap(
    lambda rdtype: st.tuples(
        st.sampled_from(["create", "create", "update", "upsert", "delete"]),
        st.sampled_from(["a", "b", "*"]),
        st.just(rdtype),
        st.lists(st.sampled_from(VALUES[rdtype]), min_size=1, max_size=2, unique=True),
        st.sampled_from([300, 60]),
    )
)
_numbers = count()


@pytest.fixture(params=["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def zone(request: pytest.FixtureRequest, zone_on: ZoneOn) -> ZoneUnderTest:
    return zone_on(str(request.param))


def test_what_was_there_before_each_of_several_changes(zone: ZoneUnderTest) -> None:
    zone.do("create", "old", "A", "192.0.2.1", "192.0.2.2", ttl=60)
    batch = [
        zone.change("create", "new", "A", "192.0.2.1"),
        zone.change("create", "new", "A", "192.0.2.2", ttl=60),
        zone.change("create", "new", "A", "192.0.2.2", ttl=60),
        zone.change("upsert", "old", "A", "192.0.2.3"),
        zone.change("delete", "old", "A"),
        zone.change("create", "old", "CNAME", "a.example."),
        zone.change("delete", "none", "TXT"),
    ]
    zone.apply(*batch)
    assert [zone.before(change) for change in batch] == [
        NOTHING,
        (300, {"192.0.2.1"}),
        (60, {"192.0.2.1", "192.0.2.2"}),
        (60, {"192.0.2.1", "192.0.2.2"}),
        (300, {"192.0.2.3"}),
        NOTHING,
        NOTHING,
    ]


def test_a_wildcard_was_not_there(zone: ZoneUnderTest) -> None:
    zone.do("create", "*", "A", "192.0.2.9")
    change = zone.change("upsert", "www", "A", "192.0.2.1")
    assert zone.apply(change) == [APPLIED]
    assert zone.before(change) == NOTHING


def test_of_what_no_answer_shows_nothing_is_said(zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    zone.do("create", "sub", "NS", "ns.example.org.")
    zone.do("create", "x.sub", "TXT", '"a"')
    change = zone.change("upsert", "x.sub", "TXT", '"b"')
    assert zone.apply(change) == [APPLIED]
    assert zone.before(change) is None


@pytest.fixture(params=["bind", "api"])
def zones(request: pytest.FixtureRequest, zone_on: ZoneOn) -> tuple[ZoneUnderTest, ZoneUnderTest]:
    return zone_on(str(request.param)), zone_on(str(request.param))


@settings(
    max_examples=examples(4),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ASKED, min_size=2, max_size=12))
def test_in_a_batch_it_is_what_it_is_one_by_one(
    zones: tuple[ZoneUnderTest, ZoneUnderTest], asked: list[tuple[str, str, str, list[str], int]]
) -> None:
    domain = f"e{next(_numbers)}"
    together, apart = zones

    def said(zone: ZoneUnderTest, *, at_once: bool) -> list[object]:
        items = [
            zone.change(action, f"{owner}.{domain}", rdtype, *values, ttl=ttl)
            for action, owner, rdtype, values, ttl in asked
        ]
        if at_once:
            return [*zip(zone.apply(*items), map(zone.before, items), strict=True)]
        return [(zone.apply(item)[0], zone.before(item)) for item in items]

    assert said(together, at_once=True) == said(apart, at_once=False)

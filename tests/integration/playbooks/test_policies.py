"""What the server's policy refuses: with a group all of it fails, without one only what is refused."""

import secrets
from collections.abc import Iterator

import pytest

from stack.embedded import Stack
from tests.support.policies import allow_addresses, knot_that_allows_addresses
from tests.support.zones import APPLIED, UNCHANGED, ZoneUnderTest, failed

REFUSED = failed("refused")
TWO = [("A", "192.0.2.1"), ("AAAA", "2001:db8::1")]


@pytest.fixture(scope="module")
def knot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with knot_that_allows_addresses(tmp_path_factory.mktemp("knot")) as stack:
        yield stack


@pytest.fixture(params=["bind", "knot"])
def zone(request: pytest.FixtureRequest) -> ZoneUnderTest:
    """A zone of which the key may change the addresses of www and ok."""
    server = str(request.param)
    stack: Stack = request.getfixturevalue("infrastructure" if server == "bind" else "knot")
    name = f"t-{secrets.token_hex(4)}.test"
    stack.add_zone(name, server)
    if server == "bind":
        allow_addresses(stack, name)
    return ZoneUnderTest(stack, name, server)


def test_changes_of_one_name_are_taken_apart(zone: ZoneUnderTest) -> None:
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        zone.change("create", "www", "TXT", '"x"'),
        zone.change("create", "other", "A", "192.0.2.1"),
        zone.change("create", "www", "AAAA", "2001:db8::1"),
        zone.change("create", "other", "AAAA", "2001:db8::1"),
        zone.change("create", "ok", "A", "192.0.2.1"),
        zone.change("upsert", "www", "A", "192.0.2.2"),
    )
    assert said == [APPLIED, REFUSED, REFUSED, APPLIED, REFUSED, APPLIED, APPLIED]
    assert (zone.values("www", "A"), zone.values("www", "AAAA")) == ({"192.0.2.2"}, {"2001:db8::1"})
    assert (zone.values("www", "TXT"), zone.values("other", "A")) == (set(), set())


@pytest.mark.parametrize(("owner", "rdtype", "value"), [("www", "TXT", '"x"'), ("other", "A", "192.0.2.1")])
def test_a_group_is_refused_whole_and_its_neighbours_are_not(
    zone: ZoneUnderTest, owner: str, rdtype: str, value: str
) -> None:
    group = [
        zone.change("create", "www", "A", "192.0.2.1") | {"group": "g"},
        zone.change("create", owner, rdtype, value) | {"group": "g"},
        zone.change("create", "ok", "AAAA", "2001:db8::1") | {"group": "g"},
    ]
    before, after = (
        zone.change("create", "ok", "A", "192.0.2.1"),
        zone.change("create", "ok", "A", "192.0.2.2"),
    )
    other = [zone.change("create", "www", "AAAA", f"2001:db8::{each}") | {"group": "h"} for each in (1, 2)]
    assert zone.apply(before, *group, *other, after) == [APPLIED, *[REFUSED] * 3, *[APPLIED] * 2, APPLIED]
    assert all("policy" in zone.message(change) for change in group)
    assert (zone.values("www", "A"), zone.values("ok", "AAAA"), zone.values(owner, rdtype)) == (set(),) * 3
    assert zone.values("ok", "A") == {"192.0.2.1", "192.0.2.2"}
    assert zone.values("www", "AAAA") == {"2001:db8::1", "2001:db8::2"}
    assert zone.outcomes.problem is None


def test_a_group_of_which_all_is_refused_is_not_the_zones_fault(zone: ZoneUnderTest) -> None:
    group = [zone.change("create", "other", rdtype, value) | {"group": "g"} for rdtype, value in TWO]
    assert zone.apply(*group) == [REFUSED] * 2
    assert zone.outcomes.problem is None
    there = zone.change("create", "www", "A", "192.0.2.1")
    assert zone.apply(there) == [APPLIED]
    assert zone.apply(there, zone.change("delete", "other", "A")) == [UNCHANGED] * 2

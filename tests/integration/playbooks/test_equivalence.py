"""A batch does what its changes do one by one, in their order, whatever they are: on a real server."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import ZoneOn
from tests.support.thoroughly import examples
from tests.support.zones import APPLIED, UNCHANGED, ChangeOutcome, ZoneUnderTest

TYPES = ["A", "TXT", "CNAME", "MX", "CAA", "NS", "DS", "DNAME"]
PLAIN_TYPES = TYPES[:5]
PLAIN_OWNERS = ["a", "b", "*"]
# x.c is below c, which may be delegated or redirected. No MX points there: BIND takes one to a name that has
# only names below it, and refuses it where there is anything else but an address.
CUT_OWNERS = ["c", "x.c", "y.x.c"]
OWNERS = [*PLAIN_OWNERS, *CUT_OWNERS]
Asked = tuple[str, str, str, list[int], int]
VALUES: dict[str, Callable[[str], list[str]]] = {
    "A": lambda _: ["192.0.2.1", "192.0.2.2"],
    "TXT": lambda _: ['"ab"', '"a" "b"', '"c"'],
    "CNAME": lambda zone: ["x.example.org.", f"b.{zone}."],
    "MX": lambda zone: [f"10 a.{zone}.", f"20 a.{zone}.", f"10 b.{zone}.", "10 mail.example.org."],
    "CAA": lambda _: ['0 issue "ca.example.org"', '0 ISSUE "ca.example.org"'],
    "NS": lambda zone: [f"x.c.{zone}.", "ns.example.org."],
    "DS": lambda _: [f"1 8 2 {'AB' * 32}", f"2 8 2 {'CD' * 32}"],
    "DNAME": lambda _: ["x.example.org.", "y.example.org."],
}
_numbers = count()


def asked(owners: list[str], types: list[str]) -> st.SearchStrategy[Asked]:
    return st.sampled_from(types).flatmap(
        lambda rdtype: st.tuples(
            st.sampled_from(["create", "create", "update", "upsert", "delete"]),
            st.sampled_from(owners),
            st.just(rdtype),
            st.lists(st.integers(0, len(VALUES[rdtype]("")) - 1), min_size=0, max_size=2, unique=True),
            st.sampled_from([300, 300, 60]),
        )
    )


ASKED = asked(PLAIN_OWNERS, PLAIN_TYPES) | asked(
    CUT_OWNERS, [*PLAIN_TYPES, "NS", "DS", "DNAME", "NS", "DNAME"]
)


@pytest.fixture(params=["bind", "api"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def zones(zone_on: ZoneOn, server: str) -> tuple[ZoneUnderTest, ZoneUnderTest]:
    return zone_on(server), zone_on(server)


def content(zone: ZoneUnderTest, domain: str) -> dict[tuple[str, str], tuple[int | None, set[str]]]:
    """What the zone answers at the names of an example, whatever it is called itself."""
    found = {
        (owner, rdtype): zone.answer(f"{owner}.{domain}", rdtype) for owner in OWNERS for rdtype in TYPES
    }
    return {
        key: (ttl, {value.replace(zone.name, "zone").replace("ISSUE", "issue") for value in values})
        for key, (ttl, values) in found.items()
    }


@settings(
    max_examples=examples(4),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ASKED, min_size=2, max_size=12))
def test_a_batch_does_what_its_changes_do_one_by_one(
    zones: tuple[ZoneUnderTest, ZoneUnderTest], asked: list[Asked]
) -> None:
    domain = f"e{next(_numbers)}"  # a new one for each example, so that all can share two zones

    def items(zone: ZoneUnderTest) -> list[dict[str, Any]]:
        return [
            zone.change(
                action,
                f"{owner}.{domain}",
                rdtype,
                *(VALUES[rdtype](f"{domain}.{zone.name}")[index] for index in indexes),
                ttl=ttl,
            )
            for action, owner, rdtype, indexes, ttl in asked
        ]

    def fates(said: list[ChangeOutcome]) -> list[ChangeOutcome]:
        """What lies below a delegation is not shown: whether there was something to do, nobody knows."""
        return [
            APPLIED if fate == UNCHANGED and owner in CUT_OWNERS else fate
            for fate, (_, owner, *_) in zip(said, asked, strict=True)
        ]

    together, apart = zones
    said = together.apply(*items(together))
    assert fates(said) == fates([apart.apply(item)[0] for item in items(apart)])
    assert content(together, domain) == content(apart, domain)

"""Addresses become aliases and addresses again: who asks meanwhile is always answered."""

from collections.abc import Iterator
from typing import Any

import pytest

from stack.embedded import Stack
from tests.support.asker import Asker
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.thoroughly import examples
from tests.support.user import User
from tests.support.zones import ZoneUnderTest

OWNERS = [f"n{number}" for number in range(20)]
SWAPS = examples(40)
MAX_ROUNDS = 10 * SWAPS // len(OWNERS)


@pytest.fixture
def beside(stack: Stack, user: User, zone: str) -> ZoneUnderTest:
    """The zone with an address at each name, and at the target of the aliases."""
    found = ZoneUnderTest(stack, zone)
    found.apply(*(found.change("create", owner, "A", "192.0.2.1") for owner in [*OWNERS, "target"]))
    return found


@pytest.fixture
def asker(beside: ZoneUnderTest) -> Iterator[Asker]:
    """Asks for all names all the time."""
    names = [beside.full(owner) for owner in OWNERS]
    with Asker(beside.target.address, beside.target.port, names) as running:
        yield running


def swap(zone: str, owner: str, *, to_alias: bool) -> list[dict[str, Any]]:
    """The two changes that turn an address into an alias, or back."""
    address = body(zone, owner, action="delete" if to_alias else "create")
    alias = body(zone, owner, record_type="CNAME", target=f"target.{zone}")
    alias["action"] = "create" if to_alias else "delete"
    return [address, alias] if to_alias else [alias, address]


def test_no_answer_is_without_data(user: User, zone: str, asker: Asker) -> None:
    """At a thousand questions a second; who asks more slowly is waited for with more swaps."""
    swaps, to_alias = 0, True
    for _ in range(MAX_ROUNDS):
        before = asker.asked
        requests = user.submit_and_wait(
            *(each for owner in OWNERS for each in swap(zone, owner, to_alias=to_alias))
        )
        assert {request["status"] for request in requests} == {"succeeded"}
        if asker.asked >= before + len(OWNERS):  # or else nobody asked for each while it was swapped
            swaps += len(OWNERS)
        to_alias = not to_alias
        if swaps >= SWAPS and asker.keeps_its_rate:
            break
    assert asker.without_data == []
    assert swaps >= SWAPS
    assert asker.keeps_its_rate


def test_the_asker_sees_a_gap(beside: ZoneUnderTest, asker: Asker) -> None:
    """In two messages it is one."""

    def seen() -> list[str]:
        beside.do("delete", OWNERS[0], "A")
        beside.do("create", OWNERS[0], "A", "192.0.2.1")
        return asker.without_data

    assert "NXDOMAIN" in eventually(seen)[0]

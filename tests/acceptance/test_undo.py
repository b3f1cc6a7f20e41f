"""What was done is taken back, by the shipped playbook on each real server."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from stack.embedded import Stack
from tests.acceptance.conftest import BACKENDS, EACH_BACKEND, ServedOn
from tests.support.builders import body
from tests.support.thoroughly import thoroughly
from tests.support.user import User
from tests.support.zones import ZoneUnderTest


@pytest.fixture(params=EACH_BACKEND)
def beside(request: pytest.FixtureRequest, served_on: ServedOn) -> ZoneUnderTest:
    """Changes the zone by dynamic updates of its own, beside the orchestrator."""
    return served_on(str(request.param))


@pytest.fixture
def zone(beside: ZoneUnderTest) -> str:
    return beside.name


def undo(user: User, request_id: str) -> dict[str, object]:
    answer = user.api.post(f"/dns/requests/{request_id}/undo").raise_for_status().json()
    (found,) = user.wait_until_settled([answer["id"]])
    return found


def test_do_and_undo(user: User, zone: str, beside: ZoneUnderTest) -> None:
    user.submit_and_wait(body(zone, target=["192.0.2.1", "192.0.2.2"], config={"ttl": 77}))
    (done,) = user.submit_and_wait(body(zone, action="upsert", target="192.0.2.3"))
    found = undo(user, done["id"])
    assert (found["status"], found["undoes"]) == ("succeeded", done["id"])
    assert beside.answer("www", "A") == (77, {"192.0.2.1", "192.0.2.2"})
    (done,) = user.submit_and_wait(body(zone, "new"))
    assert undo(user, done["id"])["status"] == "succeeded"
    assert beside.values("new", "A") == set()


@pytest.mark.thorough
@pytest.mark.parametrize("beside", BACKENDS, indirect=True)
def test_rrsets_that_are_together_more_than_a_message(user: User, zone: str, beside: ZoneUnderTest) -> None:
    small, large = ("x" * number for number in (60_000, 63_000))
    user.submit_and_wait(body(zone, record_type="TXT", target=small))
    before = beside.answer("www", "TXT")
    (done,) = user.submit_and_wait(body(zone, action="upsert", record_type="TXT", target=large))
    after = beside.answer("www", "TXT")
    assert done["status"] == "succeeded"
    found = undo(user, done["id"])
    assert (found["status"], beside.answer("www", "TXT")) == ("succeeded", before)
    assert undo(user, str(found["id"]))["status"] == "succeeded"
    assert beside.answer("www", "TXT") == after != before


def test_a_change_beside_us_stays(user: User, zone: str, beside: ZoneUnderTest) -> None:
    (done,) = user.submit_and_wait(body(zone))
    beside.do("create", "www", "A", "192.0.2.9")
    found = undo(user, done["id"])
    assert found["status"] == "failed"
    assert found["error"]["code"] == "undo_conflict"  # type: ignore[index]
    assert beside.values("www", "A") == {"192.0.2.1", "192.0.2.9"}


def items(zone: str, number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Random changes of a few names; addresses become aliases among them."""
    for _ in range(number):
        owner, action = chance.choice("abcd"), chance.choice(["create", "upsert", "delete"])
        if chance.random() < 0.3:
            yield body(zone, owner, action=action, record_type="CNAME", target=f"{owner * 2}.example.org")
        else:
            targets = [f"192.0.2.{n}" for n in chance.sample(range(5), 2)]
            yield body(zone, owner, action=action, target=targets, config={"ttl": chance.choice([60, 300])})


def cuts(zone: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Random changes of a delegation and its DS, and of a DNAME and what it excludes; some of them fail."""
    values = {"NS": "ns.example.org", "DS": f"1 13 2 {'AB' * 32}", "DNAME": "y.example.org", "A": "192.0.2.1"}
    for _ in range(6):
        owner, record_type = chance.choice(
            [("e", "NS"), ("e", "DS"), ("f", "DNAME"), ("x.f", "A"), ("a.f", "A")]
        )
        action = chance.choice(["upsert", "delete"])
        yield body(zone, owner, action=action, record_type=record_type, target=values[record_type])


def roll_back(user: User, zone: str, to: datetime, *, ask_servers: bool = True) -> dict[str, Any]:
    asked = {"to": to.isoformat(), "ask_servers": ask_servers}
    found: dict[str, Any] = user.api.post(f"/zones/{zone}/rollback", json=asked).raise_for_status().json()
    return found


def apply(user: User, planned: dict[str, Any]) -> set[str]:
    """Apply the plan; return the statuses that its requests end with."""
    applied = user.api.post(f"/dns/plans/{planned['plan_id']}/apply").raise_for_status().json()
    ids = [each["request"]["id"] for each in applied["results"]]
    return {request["status"] for request in user.wait_until_settled(ids)}


def test_a_rollback_is_the_zone_as_it_was(user: User, zone: str, beside: ZoneUnderTest) -> None:
    chance = random.Random(7)
    user.submit_and_wait(*items(zone, 15, chance), *cuts(zone, chance))
    then, to = beside.transfer(), datetime.now(UTC)
    for _ in range(3):
        user.submit_and_wait(*items(zone, 10, chance), *cuts(zone, chance))
    assert beside.transfer() != then
    found = roll_back(user, zone, to)
    assert found["not_taken_back"] == []
    assert apply(user, found) == {"succeeded"}
    assert beside.transfer() == then


@pytest.mark.thorough
def test_a_rollback_leaves_what_was_changed_beside_us(user: User, zone: str, beside: ZoneUnderTest) -> None:
    """And what that keeps from coming back: here an address below a DNAME."""
    user.submit_and_wait(body(zone, "x.dn"))
    to = datetime.now(UTC)
    dname = body(zone, "dn", record_type="DNAME", target="y.example.org")
    user.submit_and_wait(body(zone, "x.dn", action="delete"), dname, body(zone, "mine"), body(zone, "ours"))
    beside.do("create", "ours", "A", "192.0.2.9")
    beside.do("upsert", "dn", "DNAME", "z.example.org.")
    found = roll_back(user, zone, to)
    assert [(each["domain"], each["code"]) for each in found["not_taken_back"]] == [
        (f"dn.{zone}", "changed_outside"),
        (f"ours.{zone}", "changed_outside"),
        (f"x.dn.{zone}", "below_dname"),
    ]
    assert apply(user, found) == {"succeeded"}
    assert (beside.values("mine", "A"), beside.values("ours", "A")) == (set(), {"192.0.2.1", "192.0.2.9"})
    assert beside.values("dn", "DNAME") == {"z.example.org."}


@pytest.mark.thorough
def test_the_servers_know_what_the_records_have_forgotten(
    stack: Stack, user: User, zone: str, beside: ZoneUnderTest
) -> None:
    user.submit_and_wait(body(zone))
    to = datetime.now(UTC)
    user.submit_and_wait(body(zone, action="upsert", target="192.0.2.2"))
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM dns_records WHERE zone = %s", [zone])
    [stays] = roll_back(user, zone, to, ask_servers=False)["not_taken_back"]
    assert stays["code"] == "changed_outside"
    found = roll_back(user, zone, to)
    assert found["not_taken_back"] == []
    assert apply(user, found) == {"succeeded"}
    assert beside.values("www", "A") == {"192.0.2.1"}


@pytest.mark.thorough
@pytest.mark.parametrize("ask_servers", [False, thoroughly(True)])
def test_a_delegation_comes_back_with_its_ds_and_glue(
    user: User, zone: str, beside: ZoneUnderTest, ask_servers: bool
) -> None:
    """It went DS first: NS that have a DS do not go, on whatever server. A DNAME takes the place of data."""
    made = [
        body(zone, "u", record_type="NS", target=["ns.example.org", f"ns.u.{zone}"]),
        body(zone, "u", record_type="DS", target=f"1 13 2 {'AB' * 32}"),
        *(body(zone, owner) for owner in ("ns.u", "a.dm", "x.dm", "keep")),
    ]
    user.submit_and_wait(*made)
    then, to = beside.transfer(), datetime.now(UTC)
    (refused,) = user.submit_and_wait({**made[0], "action": "delete"})
    assert refused["error"]["code"] == "ds_without_ns"
    assert beside.transfer() == then
    gone = [{**made[number], "action": "delete"} for number in (1, 0, 2, 3, 4, 5)]
    dname = body(zone, "dm", record_type="DNAME", target="y.example.org")
    assert {each["status"] for each in user.submit_and_wait(*gone, dname)} == {"succeeded"}
    between = beside.transfer(), datetime.now(UTC)
    for expected, time in ((then, to), between):
        found = roll_back(user, zone, time, ask_servers=ask_servers)
        assert found["not_taken_back"] == []
        assert apply(user, found) == {"succeeded"}
        assert beside.transfer() == expected

"""Plan and exactly that, on each server: what was changed beside us stops it, before or on the server."""

import random
from typing import Any

import pytest

from stack.embedded import Stack
from tests.acceptance.conftest import BACKENDS, BY_UPDATE, EACH_BACKEND, ServedOn
from tests.support.builders import body
from tests.support.thoroughly import thoroughly
from tests.support.user import User
from tests.support.zones import APPLIED, ZoneUnderTest

Answer = dict[str, Any]


@pytest.fixture(params=EACH_BACKEND)
def beside(request: pytest.FixtureRequest, served_on: ServedOn) -> ZoneUnderTest:
    """Changes the zone by dynamic updates of its own, beside the orchestrator."""
    return served_on(str(request.param))


@pytest.fixture
def zone(beside: ZoneUnderTest) -> str:
    return beside.name


def plan(user: User, *items: Answer, ask_servers: bool = True) -> Answer:
    answer = user.api.post("/dns/plan", json={"requests": items, "ask_servers": ask_servers})
    found: Answer = answer.raise_for_status().json()
    return found


def apply(user: User, planned: Answer) -> Any:
    return user.api.post(f"/dns/plans/{planned['plan_id']}/apply")


def settle(user: User, applied: Any) -> list[Answer]:
    assert applied.status_code == 207, applied.text
    return user.wait_until_settled(each["request"]["id"] for each in applied.json()["results"])


def test_the_servers_show_what_is_there_and_it_is_changed_exactly(
    user: User, zone: str, beside: ZoneUnderTest
) -> None:
    assert beside.do("create", "www", "A", "192.0.2.1", "192.0.2.2", ttl=77) == APPLIED
    planned = plan(
        user,
        body(zone, action="delete", target="192.0.2.1"),
        body(zone, action="update", target="192.0.2.9", config={"ttl": 60}),
    )
    first, second = (each["change"] for each in planned["results"])
    assert first["before"] == {"ttl": 77, "target": ["192.0.2.1", "192.0.2.2"]}
    assert first["after"] == second["before"] == {"ttl": 77, "target": ["192.0.2.2"]}
    assert {each["status"] for each in settle(user, apply(user, planned))} == {"succeeded"}
    assert beside.answer("www", "A") == (60, {"192.0.2.9"})


def test_what_was_there_before_us_is_not_recorded_and_said_to_be_so(
    user: User, zone: str, beside: ZoneUnderTest
) -> None:
    assert beside.do("create", "www", "A", "192.0.2.201") == APPLIED
    wanted = body(zone, action="upsert", target="192.0.2.202")
    asked = plan(user, wanted)["results"][0]["change"]
    assert (asked["before"], asked.get("before_known")) == ({"ttl": 300, "target": ["192.0.2.201"]}, None)
    planned = plan(user, wanted, ask_servers=False)
    change = planned["results"][0]["change"]
    assert (change["before"], change["before_known"], planned["applicable"]) == (None, False, True)
    [request] = settle(user, apply(user, planned))
    assert request["error"]["code"] == "state_changed"
    assert request["error"]["message"].endswith("expected was nothing: plan it again")
    assert beside.values("www", "A") == {"192.0.2.201"}


def test_changed_beside_us_before_the_apply(user: User, zone: str, beside: ZoneUnderTest) -> None:
    beside.do("create", "www", "A", "192.0.2.1")
    planned = plan(user, body(zone, "free"), body(zone, action="delete"))
    beside.do("create", "www", "A", "192.0.2.2")
    serial = beside.values("@", "SOA")
    answer = apply(user, planned)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_stale")
    assert answer.json()["moved"] == [
        {
            "zone": zone,
            "domain": f"www.{zone}",
            "record_type": "A",
            "before": {"ttl": 300, "target": ["192.0.2.1"]},
            "now": {"ttl": 300, "target": ["192.0.2.1", "192.0.2.2"]},
        }
    ]
    assert user.api.get("/dns/requests", params={"zone": zone}).json()["items"] == []
    assert beside.values("@", "SOA") == serial


@pytest.mark.thorough
def test_changed_beside_us_between_apply_and_run(stack: Stack, user: User, served_on: ServedOn) -> None:
    zones = [served_on(backend) for backend in BACKENDS]
    user.submit_and_wait(*(body(each.name, owner) for each in zones for owner in ("www", "kept", "gone")))
    plans = [plan_of_all_kinds(user, each.name) for each in zones]
    assert all(planned["atomic"] for planned in plans)
    stack.stop("worker")
    try:
        applied = [apply(user, planned) for planned in plans]
        for beside in zones:
            beside.do("create", "www", "A", "192.0.2.66")
            beside.do("create", "new", "A", "192.0.2.66")
            beside.do("upsert", "gone", "A", "192.0.2.1", ttl=61)
    finally:
        stack.start("worker")
    for beside, answer in zip(zones, applied, strict=True):
        fates = settle(user, answer)
        assert {each["status"] for each in fates} == {"failed"}
        assert "state_changed" in {each["error"]["code"] for each in fates}
        assert beside.answer("www", "A") == (300, {"192.0.2.1", "192.0.2.66"})
        assert beside.answer("new", "A") == (300, {"192.0.2.66"})
        assert beside.answer("gone", "A") == (61, {"192.0.2.1"})
        assert beside.values("kept", "A") == {"192.0.2.1"}
        assert beside.values("free", "A") == set()


def plan_of_all_kinds(user: User, zone: str) -> Answer:
    return plan(
        user,
        body(zone, action="delete"),
        body(zone, action="create", target="192.0.2.7"),
        body(zone, "new"),
        body(zone, "gone", action="delete"),
        body(zone, "free"),
        ask_servers=False,
    )


VALUES = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "TXT": ["one", "two"],
    "CNAME": ["a.example.org", "b.example.org"],
}


@pytest.mark.parametrize(
    ("backend", "seed"),
    [
        ("bind", 0),
        thoroughly("bind", 1),
        thoroughly("bind", 2),
        thoroughly("knot", 3),
        thoroughly(BY_UPDATE, 3),
        thoroughly("powerdns", 3),
    ],
)
def test_a_plan_is_what_then_happens(user: User, served_on: ServedOn, backend: str, seed: int) -> None:
    """Random changes, and some beside us between them: the last `after` of each RRset is what is there."""
    beside = served_on(backend)
    zone = beside.name
    dice = random.Random(seed)
    for _ in range(2):
        beside.do("upsert", dice.choice("abcd"), "TXT", f'"{dice.random()}"')
        planned = plan(user, *(some_item(zone, dice) for _ in range(12)))
        forecasts = [each["forecast"]["outcome"] for each in planned["results"]]
        fates = settle(user, apply(user, planned))
        assert [each["status"] == "failed" for each in fates] == [each == "failed" for each in forecasts]
        changes = [each["change"] for each in planned["results"]]
        for change in {(each["domain"], each["record_type"]): each for each in changes}.values():
            owner = change["domain"].removesuffix(f".{zone}")
            ttl, values = beside.answer(owner, change["record_type"])
            after = change["after"]
            assert (ttl, values) == ((after["ttl"], set(after["target"])) if after else (None, set()))


def some_item(zone: str, dice: random.Random) -> Answer:
    record_type = dice.choice(["A", "A", "TXT", "CNAME"])
    action = dice.choice(["create", "create", "update", "upsert", "delete"])
    number = dice.randint(0 if action == "delete" else 1, 1 if record_type == "CNAME" else 2)
    target = dice.sample(VALUES[record_type], number) or None
    owner, config = dice.choice("abcd"), {"ttl": dice.choice([300, 60])}
    return body(zone, owner, action=action, record_type=record_type, target=target, config=config)


@pytest.mark.thorough
def test_what_a_wildcard_answers_is_not_there(user: User, zone: str, beside: ZoneUnderTest) -> None:
    beside.do("create", "*", "A", "192.0.2.99")
    planned = plan(user, body(zone), body(zone, "b", action="upsert"), body(zone, "c", action="delete"))
    fates = settle(user, apply(user, planned))
    assert {each["status"] for each in fates} == {"succeeded"}
    assert [each["change"]["before"] for each in planned["results"]] == [None, None, None]
    assert beside.values("www", "A") == beside.values("b", "A") == {"192.0.2.1"}


def test_what_is_hidden_by_now_can_not_be_applied_and_to_try_again_is_no_way(
    user: User, served_on: ServedOn
) -> None:
    beside = served_on(BY_UPDATE)  # which does not show what is below a delegation
    assert beside.do("create", "x.sub", "A", "192.0.2.9") == APPLIED
    planned = plan(user, body(beside.name, "x.sub", action="upsert"))
    assert planned["applicable"]
    assert beside.do("create", "sub", "NS", "ns.example.org.") == APPLIED
    answer = apply(user, planned)
    assert answer.status_code == 422
    [reason] = answer.json()["detail"]
    assert (reason["type"], reason["loc"]) == ("before_unknown", ["body", "requests", 0])
    assert reason["msg"].endswith("plan again")


@pytest.mark.thorough
def test_glue_below_a_delegation(user: User, zone: str, beside: ZoneUnderTest) -> None:
    """No answer shows it: the server compares what is there with what the plan has seen."""
    glue = {"A": "192.0.2.1", "AAAA": "2001:db8::1"}
    items = [body(zone, "ns.sub", record_type=each, target=value) for each, value in glue.items()]
    delegation = plan(user, body(zone, "sub", record_type="NS", target=f"ns.sub.{zone}"), *items)
    assert delegation["atomic"]
    assert {each["status"] for each in settle(user, apply(user, delegation))} == {"succeeded"}
    more = [
        body(zone, "ns.sub", action="delete", target="192.0.2.1"),
        body(zone, "ns.sub", target="192.0.2.2"),
        body(zone, "ns.sub", action="upsert", record_type="AAAA", target="2001:db8::2"),
    ]
    changed, stale = (plan(user, *more, ask_servers=False) for _ in range(2))
    assert {each["status"] for each in settle(user, apply(user, changed))} == {"succeeded"}
    assert apply(user, stale).json()["code"] == "plan_stale"
    beside.do("delete", "sub", "NS")
    assert (beside.values("ns.sub", "A"), beside.values("ns.sub", "AAAA")) == ({"192.0.2.2"}, {"2001:db8::2"})


DELEGATION = [
    {"record_type": "NS", "target": "ns.example.org"},
    {"record_type": "DS", "target": f"1 8 2 {'ab' * 32}"},
]


@pytest.mark.thorough
@pytest.mark.parametrize("backend", EACH_BACKEND)
def test_a_delegation_to_a_zone_that_the_server_has_too(
    stack: Stack, user: User, served_on: ServedOn, backend: str
) -> None:
    """It answers from the child: that is not what is there before the plan."""
    zone = served_on(backend)
    stack.add_zone(zone.full("c"), backend.partition("-")[0])
    made = plan(user, *(body(zone.name, "c", **each) for each in DELEGATION))
    assert [each["change"]["before"] for each in made["results"]] == [None, None]
    assert {each["status"] for each in settle(user, apply(user, made))} == {"succeeded"}
    more = plan(user, body(zone.name, "c", action="upsert", record_type="NS", target="ns2.example.org"))
    assert more["results"][0]["change"]["before"]["target"] == ["ns.example.org."]
    assert {each["status"] for each in settle(user, apply(user, more))} == {"succeeded"}
    held = {tuple(line.split(" ")[3:5]) for line in zone.transfer() if not line.startswith("@")}
    assert held == {("NS", "ns2.example.org."), ("DS", "1")}

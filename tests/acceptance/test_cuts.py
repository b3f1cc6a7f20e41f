"""What a zone holds at, below and beside a cut: servers don't show it, and it succeeds nevertheless."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stack.embedded import Stack
from tests.acceptance.conftest import BY_UPDATE, EACH_BACKEND, ServedOn
from tests.support.builders import body
from tests.support.thoroughly import thoroughly
from tests.support.user import User, statuses
from tests.support.zones import ZoneUnderTest

DS = "1 8 2 " + "ab" * 32


def submit(user: User, *items: dict[str, Any]) -> list[dict[str, Any]]:
    requests = user.submit_and_wait(*items)
    assert [(each["status"], each["error"]) for each in requests] == [("succeeded", None)] * len(items)
    return requests


def whole(zone: str, owner: str, record_type: str = "A") -> dict[str, Any]:
    """Delete the RRset."""
    item = body(zone, owner, action="delete", record_type=record_type)
    del item["resource"]["target"]
    return item


def recorded(user: User, name: str) -> list[list[str]]:
    items = user.api.get("/dns/records", params={"domain": name}).raise_for_status().json()["items"]
    return [record["target"] for record in items]


def test_below_a_delegation(user: User, zone: str) -> None:
    submit(user, body(zone, "d4", record_type="NS", target=["ns.example.net", f"ns1.d4.{zone}"]))
    (seen, hidden, beside) = submit(
        user,
        body(zone, "ns1.d4", target="192.0.2.53"),  # glue
        body(zone, "www.d4"),
        body(zone, "d4", record_type="TXT", target="beside the cut"),
    )
    assert "verifying" not in statuses(hidden)
    assert "delegation" not in seen["events"][-1]["message"]
    for request in (hidden, beside):
        assert f"it lies at or below the delegation d4.{zone}" in request["events"][-1]["message"]
    assert recorded(user, f"www.d4.{zone}") == [["192.0.2.1"]]
    submit(user, body(zone, "www.d4", action="create", target="192.0.2.2"))
    assert recorded(user, f"www.d4.{zone}") == [["192.0.2.1", "192.0.2.2"]]
    submit(user, whole(zone, "www.d4"), whole(zone, "d4", "TXT"))
    assert recorded(user, f"www.d4.{zone}") == []
    submit(user, whole(zone, "ns1.d4"), whole(zone, "d4", "NS"))
    assert user.dig(f"www.d4.{zone}", "A") == set()


def test_in_a_child_zone_that_is_not_served_here(stack: Stack, user: User, zone: str) -> None:
    stack.add_zone(f"child.{zone}")
    submit(user, body(zone, "child", record_type="NS", target=f"ns.child.{zone}"))
    (request,) = submit(user, body(zone, "www.child"))
    assert f"the server answers from the zone child.{zone}" in request["events"][-1]["message"]
    submit(user, body(zone, "www.child", action="delete"), whole(zone, "child", "NS"))


@pytest.mark.parametrize("action", ["create", thoroughly("upsert")])
def test_a_name_that_shows_otherwise_still_fails(user: User, zone: str, action: str) -> None:
    """Beside a delegation the server shows all that there is."""
    submit(user, body(zone, "d4", record_type="NS", target="ns.example.net"))
    submit(user, body(zone, "xd4", action=action))
    assert user.dig(f"xd4.{zone}", "A") == {"192.0.2.1"}


def delegation(zone: str, *servers: str) -> list[dict[str, Any]]:
    """The NS of a delegation, and the glue of its servers, of both types."""
    hosts = [f"{server}.d.{zone}" for server in servers]
    return [
        body(zone, "d", action="upsert", record_type="NS", target=hosts),
        *(body(zone, f"{server}.d", target=f"192.0.2.{server[-1]}") for server in servers),
        *(
            body(zone, f"{server}.d", record_type="AAAA", target=f"2001:db8::{server[-1]}")
            for server in servers
        ),
    ]


def held(beside: ZoneUnderTest) -> set[str]:
    """What the zone has at and below its delegation, by a transfer."""
    return {line for line in beside.transfer() if "d" in line.split()[0].split(".")}


def settle(user: User, answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 207, answer.text
    return user.wait_until_settled(each["request"]["id"] for each in answer.json()["results"])


def fates(requests: list[dict[str, Any]]) -> list[str | None]:
    return [(each["error"] or {}).get("code", each["status"]) for each in requests]


@pytest.mark.parametrize("backend", EACH_BACKEND)
@pytest.mark.parametrize("way", ["atomic", thoroughly("records"), thoroughly("servers")])
def test_a_delegation_comes_and_goes_as_a_whole(
    user: User, served_on: ServedOn, backend: str, way: str
) -> None:
    beside = served_on(backend)
    zone = beside.name

    def do(*items: dict[str, Any]) -> list[dict[str, Any]]:
        if way == "atomic":
            return user.wait_until_settled(user.submit(*items, atomic=True))
        asked = {"requests": items, "ask_servers": way == "servers"}
        planned = user.api.post("/dns/plan", json=asked).raise_for_status().json()
        assert planned["atomic"]
        forecasts = [each["forecast"]["outcome"] for each in planned["results"]]
        assert set(forecasts) <= {"applied", "unchanged", "would_be_sent"}
        return settle(user, user.api.post(f"/dns/plans/{planned['plan_id']}/apply"))

    before = held(beside)
    made = do(*delegation(zone, "ns1"), body(zone, "d", record_type="DS", target=DS))
    assert fates(made) == ["succeeded"] * 4
    first = held(beside)
    assert len(first - before) == 4
    assert fates(do(*delegation(zone, "ns1", "ns2"))) == ["succeeded"] * 5
    assert len(held(beside) - first) == 3
    failing = body(zone, "missing", action="update")
    goes = [whole(zone, "d", "DS"), whole(zone, "d", "NS")]
    goes += [whole(zone, f"{server}.d", kind) for server in ("ns1", "ns2") for kind in ("A", "AAAA")]
    whole_zone = beside.transfer()
    refused = user.wait_until_settled(user.submit(*goes, failing, atomic=True))
    assert fates(refused) == ["atomic_failed"] * 6 + ["rrset_missing"]
    assert beside.transfer() == whole_zone
    assert fates(do(*goes)) == ["succeeded"] * 6
    assert held(beside) == before


def forecasts(user: User, *items: dict[str, Any], ask_servers: bool) -> list[dict[str, Any]]:
    answer = user.api.post("/dns/plan", json={"requests": items, "ask_servers": ask_servers})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["bind", thoroughly(BY_UPDATE)])
def test_a_null_mx_stands_alone_at_a_delegation(user: User, served_on: ServedOn, backend: str) -> None:
    zone = served_on(backend).name
    submit(user, body(zone, "d", record_type="NS", target="ns.example.net"))
    submit(user, body(zone, "d", record_type="MX", target="0 ."))
    mail = body(zone, "d", record_type="MX", target="10 mail.example.net")
    for ask_servers in (False, True):
        assert forecasts(user, mail, ask_servers=ask_servers)[0]["forecast"]["code"] == "null_mx_not_alone"
    assert fates(user.submit_and_wait(mail)) == ["null_mx_not_alone"]
    assert recorded(user, f"d.{zone}") == [["0 ."], ["ns.example.net."]]


@pytest.mark.thorough
@pytest.mark.parametrize("backend", EACH_BACKEND)
def test_a_plan_of_what_no_server_shows(user: User, served_on: ServedOn, backend: str) -> None:
    """A transfer shows it, or the API; else the records, and prerequisites whether there is anything."""
    beside = served_on(backend)
    zone = beside.name
    submit(user, body(zone, "d", record_type="NS", target="ns.example.net"), body(zone, "ours.d"))
    beside.do("create", "theirs.d", "A", "192.0.2.9")
    items = [
        body(zone, "d", record_type="DS", target=DS),
        body(zone, "new.d", action="update"),
        body(zone, "x.d", record_type="DS", target=DS),
        body(zone, "ours.d", action="upsert", target="192.0.2.2"),
        body(zone, "theirs.d", action="upsert"),
        whole(zone, "nothing.d"),
    ]
    planned = forecasts(user, *items, ask_servers=True)
    assert [each["code"] for each in planned[0].get("warnings", ())] == []
    assert [each["code"] for each in planned[1]["warnings"]] == ["not_visible"]
    is_seen = backend != BY_UPDATE
    assert [(each["forecast"]["outcome"], each["forecast"]["code"]) for each in planned] == [
        ("would_be_sent", None),
        ("failed", "rrset_missing"),
        ("failed", "ds_without_ns"),
        ("would_be_sent" if is_seen else "applied", None),
        ("would_be_sent", None) if is_seen else ("unknown", "hidden"),
        ("unchanged", None),
    ]
    assert planned[3]["forecast"]["by"] == ("servers" if is_seen else "records")
    assert planned[3]["change"]["before"]["target"] == ["192.0.2.1"]
    if is_seen:
        assert planned[4]["change"]["before"] == {"ttl": 300, "target": ["192.0.2.9"]}
    requests = user.submit_and_wait(*items)
    assert fates(requests)[:5] == ["succeeded", "rrset_missing", "ds_without_ns", "succeeded", "succeeded"]
    taken_back = user.api.post(f"/dns/requests/{requests[3]['id']}/undo").raise_for_status().json()
    assert fates(user.wait_until_settled([taken_back["id"]])) == ["succeeded"]
    assert recorded(user, f"ours.d.{zone}") == [["192.0.2.1"]]
    there = {line.split()[-1] for line in held(beside) if line.startswith("ours.")}
    assert there == {"192.0.2.1"}


@pytest.mark.thorough
def test_a_rollback_of_what_neither_servers_nor_records_show(user: User, served_on: ServedOn) -> None:
    """There is something, made beside us; nobody can tell what, so it stays."""
    beside = served_on(BY_UPDATE)
    zone = beside.name
    submit(user, body(zone, "d", record_type="NS", target="ns.example.net"), body(zone, "www.d"))
    asked = {"to": datetime.now(UTC).isoformat(), "ask_servers": True}
    submit(user, whole(zone, "www.d"), body(zone, "other"))
    beside.do("create", "www.d", "A", "192.0.2.9")
    found = user.api.post(f"/zones/{zone}/rollback", json=asked).raise_for_status().json()
    assert [(each["domain"], each["code"]) for each in found["not_taken_back"]] == [
        (f"www.d.{zone}", "state_unknown")
    ]
    assert [each["change"]["domain"] for each in found["results"]] == [f"other.{zone}"]

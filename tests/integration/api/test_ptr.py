"""`manage_ptr` at the API: what is refused, and what a plan shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.store import backends
from tests.support.builders import body

REVERSE = "2.0.192.in-addr.arpa"
ADDRESS = "192.0.2.10"


def managed(zone: str, owner: str = "www", target: Any = ADDRESS, **fields: Any) -> dict[str, Any]:
    return body(zone, owner, target=target, config={"manage_ptr": True}, **fields)


def plan(client: TestClient, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/dns/plan", json={"requests": items}).raise_for_status().json()
    kept = client.get(f"/api/v1/dns/plans/{answer['plan_id']}").raise_for_status().json()
    assert kept["results"] == answer["results"]
    results: list[dict[str, Any]] = answer["results"]
    return results


@pytest.fixture
def reverse(client: TestClient) -> None:
    client.post("/api/v1/zones", json={"name": REVERSE, "backend": "bind", "max_ttl": 120}).raise_for_status()


@pytest.mark.parametrize(
    ("owner", "record_type", "target", "code"),
    [
        ("www", "CNAME", "www.example.org", "ptr_without_address"),
        ("*", "A", ADDRESS, "ptr_to_wildcard"),
    ],
)
@pytest.mark.parametrize("action", ["create", "update", "upsert", "delete"])
def test_only_hosts_with_addresses_have_one(
    client: TestClient, new_zone: str, action: str, owner: str, record_type: str, target: str, code: str
) -> None:
    item = managed(new_zone, owner, target, record_type=record_type)
    answer = client.post(f"/api/v1/dns/{action}", json=item)
    assert answer.status_code == 422
    [reason] = answer.json()["detail"]
    assert (reason["loc"], reason["type"]) == (["body", "resource", "config", "manage_ptr"], code)


def test_not_of_very_many_addresses(client: TestClient, new_zone: str) -> None:
    addresses = [f"192.0.2.{number}" for number in range(11)]
    answer = client.post("/api/v1/dns/create", json=managed(new_zone, target=addresses))
    assert [reason["type"] for reason in answer.json()["detail"]] == ["ptr_too_many"]


@pytest.mark.parametrize("value", [1, "true", [], {}])
def test_it_is_true_or_false(client: TestClient, new_zone: str, value: Any) -> None:
    answer = client.post("/api/v1/dns/create", json=body(new_zone, config={"manage_ptr": value}))
    assert [reason["type"] for reason in answer.json()["detail"]] == ["bool_type"]


def test_all_reasons_at_once(client: TestClient, new_zone: str) -> None:
    item = managed(new_zone, "-*-", "nonsense", record_type="MX")
    codes = {reason["type"] for reason in client.post("/api/v1/dns/create", json=item).json()["detail"]}
    assert len(codes) == 3
    assert "ptr_without_address" in codes


@pytest.mark.usefixtures("reverse")
def test_a_plan_shows_it(client: TestClient, new_zone: str) -> None:
    made, again, plain = plan(client, managed(new_zone), managed(new_zone, "other"), body(new_zone, "plain"))
    assert made["ptr"] == [
        {
            "address": ADDRESS,
            "action": "create",
            "zone": REVERSE,
            "domain": f"10.{REVERSE}",
            "target": f"www.{new_zone}.",
            "ttl": 120,
        }
    ]
    assert "warnings" not in made
    assert [warning["code"] for warning in again["warnings"]] == ["ptr_not_ours"]
    assert "ptr" not in plain


@pytest.mark.usefixtures("reverse")
def test_a_plan_shows_what_goes_unasked(client: TestClient, new_zone: str) -> None:
    plain = body(new_zone, target="192.0.2.11", action="upsert")
    made, changed = plan(client, managed(new_zone), plain)
    assert [step["action"] for step in made["ptr"]] == ["create"]
    assert [(step["action"], step["address"]) for step in changed["ptr"]] == [("delete", ADDRESS)]
    assert "ptr" not in plan(client, body(new_zone, action="upsert"), plain)[1]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"protected_names": ["10"]}, "name_protected"),
        ({"allowed_types": ["TXT"]}, "type_not_allowed"),
        ({"checks": "refuse"}, "target_not_a_host"),
    ],
)
def test_a_plan_shows_what_the_reverse_zone_refuses(
    client: TestClient, new_zone: str, settings: dict[str, Any], code: str
) -> None:
    client.post("/api/v1/zones", json={"name": REVERSE, "backend": "bind", **settings}).raise_for_status()
    [refused] = plan(client, managed(new_zone, "not_a_host"))
    assert "ptr" not in refused
    found = [(warning["loc"][-1], warning["code"]) for warning in refused["warnings"]]
    assert ("manage_ptr", code) in found


@pytest.mark.usefixtures("reverse")
def test_a_plan_shows_what_servers_may_refuse(client: TestClient, new_zone: str) -> None:
    [warned] = plan(client, managed(new_zone, "not_a_host"))
    assert [step["action"] for step in warned["ptr"]] == ["create"]
    found = [(warning["loc"][-1], warning["code"]) for warning in warned["warnings"]]
    assert ("manage_ptr", "target_not_a_host") in found


@pytest.mark.usefixtures("reverse")
def test_a_plan_shows_that_a_playbook_honours_no_conditions(client: TestClient, new_zone: str) -> None:
    with transaction() as session:
        backends.publish(session, {"bind": frozenset()})
    [refused] = plan(client, managed(new_zone))
    assert "ptr" not in refused
    found = [(warning["loc"][-1], warning["code"]) for warning in refused["warnings"]]
    assert ("manage_ptr", "not_honoured") in found


@pytest.mark.usefixtures("reverse")
def test_a_plan_shows_how_addresses_change_hands(client: TestClient, new_zone: str) -> None:
    other = "192.0.2.11"
    results = plan(
        client,
        managed(new_zone, "a"),
        managed(new_zone, "b", other),
        managed(new_zone, "a", other, action="upsert"),
        managed(new_zone, "b", action="upsert"),
    )
    assert [[step["action"] for step in each["ptr"]] for each in results[2:]] == [["delete", "create"]] * 2
    assert "ptr_not_ours" not in [warning["code"] for each in results for warning in each.get("warnings", ())]


@pytest.mark.usefixtures("reverse")
def test_a_plan_warns_where_another_name_keeps_an_address_until_later(
    client: TestClient, new_zone: str
) -> None:
    later = managed(new_zone, "a", None, action="delete")
    later["context"]["not_before"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    results = plan(client, managed(new_zone, "a"), managed(new_zone, "b"), later)
    assert [warning["code"] for warning in results[1]["warnings"]] == ["ptr_not_ours"]


def test_a_plan_warns_where_no_reverse_zone_is_served(client: TestClient, new_zone: str) -> None:
    [item] = plan(client, managed(new_zone))
    assert [warning["code"] for warning in item["warnings"]] == ["ptr_zone_unknown"]
    assert "ptr" not in item


@pytest.mark.usefixtures("reverse")
def test_a_plan_for_people_has_it(client: TestClient, new_zone: str) -> None:
    answer = client.post(
        "/api/v1/dns/plan", json={"requests": [managed(new_zone)]}, headers={"Accept": "text/plain"}
    )
    assert f"PTR create 10.{REVERSE} www.{new_zone}." in answer.text

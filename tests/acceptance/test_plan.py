"""`POST /dns/plan` with `ask_servers`: a worker asks the DNS servers, and nothing changes."""

from typing import Any

from tests.support.builders import body
from tests.support.user import User


def plan(user: User, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = user.api.post("/dns/plan", json={"requests": items, "ask_servers": True})
    results: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    return results


def test_the_servers_know_more_than_the_records(user: User, zone: str) -> None:
    found = plan(
        user,
        body(zone, "@", action="update", record_type="NS", target=["ns1.example.org", "ns2.example.org"]),
        body(zone, action="update"),
        body(zone, action="create"),
        body(zone, action="create", target="nonsense"),
        body(zone, action="update", target="192.0.2.2"),
    )
    assert [each["status_code"] for each in found] == [200, 200, 200, 422, 200]
    forecasts = [each["forecast"] for each in found if "forecast" in each]
    assert {each["by"] for each in forecasts} == {"servers"}
    assert [(each["outcome"], each["code"]) for each in forecasts] == [
        ("applied", None),
        ("failed", "rrset_missing"),
        ("applied", None),
        ("applied", None),
    ]
    assert found[1]["change"]["after"] is None
    assert user.dig(f"www.{zone}", "A") == set()
    assert user.dig(zone, "NS") != {"ns1.example.org.", "ns2.example.org."}
    assert user.api.get("/dns/requests", params={"zone": zone}).json()["items"] == []


def test_two_zones_and_templates(user: User, zone: str) -> None:
    text = "{{ lookup('pipe', 'touch /tmp/never-to-be-made') }}"
    found = plan(
        user,
        body(zone, "txt", record_type="TXT", target=text, comment=text),
        body("example.test", "plan"),
        body(zone, "txt", action="upsert", record_type="CNAME", target="a.example.org"),
    )
    assert [each["forecast"]["outcome"] for each in found] == ["applied", "applied", "failed"]
    assert found[0]["change"]["after"]["target"] == [f'"{text}"']
    assert found[2]["forecast"]["code"] == "cname_conflict"


def test_a_backend_that_the_inventory_lacks(user: User) -> None:
    user.serve("elsewhere.test", "nobody")
    (found,) = plan(user, body("elsewhere.test", "a"))
    assert found["forecast"]["outcome"] == "unknown"
    assert "exit status 1" in found["forecast"]["message"]

"""What servers with checks would refuse: a zone chooses whether it is refused at the door, or warned of."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from stack.embedded import Stack
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.zones import ZoneUnderTest, failed

PLAIN = {"id", "action", "status", "zone", "context", "resource", "created_at"}


def change_zone(client: TestClient, zone: str, **settings: Any) -> dict[str, Any]:
    changed: dict[str, Any] = client.patch(f"/api/v1/zones/{zone}", json=settings).raise_for_status().json()
    return changed


def test_a_warning_is_there_only_when_there_is_one(client: TestClient, new_zone: str) -> None:
    good = client.post("/api/v1/dns/create", json=body(new_zone)).json()
    assert set(good) == PLAIN
    odd = client.post("/api/v1/dns/create", json=body(new_zone, "a_b")).json()
    assert set(odd) == PLAIN | {"warnings"}
    (warning,) = odd["warnings"]
    assert warning["code"] == "name_not_a_host"
    assert warning["loc"] == ["body", "resource", "domain"]
    assert f"a_b.{new_zone}" in warning["message"]


def test_batches_and_plans_warn_as_well(client: TestClient, new_zone: str) -> None:
    items = {"requests": [body(new_zone), body(new_zone, "a_b")]}
    for call in ("batch", "plan"):
        plain, odd = client.post(f"/api/v1/dns/{call}", json=items).json()["results"]
        assert "warnings" not in plain
        assert [warning["code"] for warning in odd["warnings"]] == ["name_not_a_host"]


def test_a_zone_chooses(client: TestClient, new_zone: str) -> None:
    zone = client.get(f"/api/v1/zones/{new_zone}").json()
    assert zone["checks"] == "warn"
    assert change_zone(client, new_zone, checks="refuse")["backend"] == zone["backend"]
    refused = client.post("/api/v1/dns/create", json=body(new_zone, "a_b"))
    assert codes(refused) == {"name_not_a_host"}
    assert client.post("/api/v1/dns/create", json=body(new_zone)).status_code == 202
    assert client.post("/api/v1/dns/delete", json=body(new_zone, "a_b")).status_code == 202
    assert change_zone(client, new_zone, checks="off")["checks"] == "off"
    assert set(client.post("/api/v1/dns/create", json=body(new_zone, "a_b")).json()) == PLAIN


@pytest.mark.parametrize(
    ("settings", "code"), [({}, "missing"), ({"checks": "maybe"}, "enum"), ({"backend": None}, "missing")]
)
def test_what_is_no_choice(client: TestClient, new_zone: str, settings: dict[str, Any], code: str) -> None:
    assert codes(client.patch(f"/api/v1/zones/{new_zone}", json=settings)) == {code}


def test_a_zone_can_be_made_with_a_choice(client: TestClient, new_zone: str) -> None:
    added = client.post(
        "/api/v1/zones", json={"name": f"sub.{new_zone}", "backend": "bind", "checks": "refuse"}
    )
    assert added.json()["checks"] == "refuse"


def test_a_plan_warns_of_a_host_without_address(client: TestClient, new_zone: str) -> None:
    mail = body(new_zone, "m", record_type="MX", target=f"mail.{new_zone}")
    elsewhere = body(new_zone, "m", record_type="MX", target="mail.example.org")

    def warned(*items: dict[str, Any]) -> list[list[str]]:
        results = client.post("/api/v1/dns/plan", json={"requests": items}).json()["results"]
        return [[warning["code"] for warning in item.get("warnings", [])] for item in results]

    assert warned(mail, elsewhere) == [["target_without_address"], []]
    assert warned(body(new_zone, "mail"), mail) == [[], []]
    change_zone(client, new_zone, checks="off")
    assert warned(mail) == [[]]


def test_bind_refuses_what_is_warned_of(infrastructure: Stack, new_zone: str) -> None:
    """So the warning is true of a server that is set up as most are."""
    zone = ZoneUnderTest(infrastructure, new_zone)
    for change in (
        zone.change("create", "a_b", "A", "192.0.2.1"),
        zone.change("create", "m", "MX", f"10 mail.{new_zone}."),
    ):
        assert zone.apply(change)[0].outcome == failed("refused").outcome

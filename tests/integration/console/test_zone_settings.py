"""Zones are added, checked, set and removed by pages; and rolled back."""

from datetime import UTC, datetime

from fastapi.testclient import TestClient

from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.zone_runner import ZoneRunner

SETTINGS = {
    "backend": "bind",
    "default_ttl": "600",
    "min_ttl": "60",
    "allowed_types": "A, AAAA",
    "protected_names": "@\nwww",
    "max_deletes_percent": "10",
    "approvers": "team-a\nteam b",
    "reserved": "**.shop team b",
    "drift": "adopt",
}


def test_a_zone_is_added_set_and_removed(client: TestClient, new_zone: str) -> None:
    name = f"more.{new_zone}"
    added = client.post(
        "/console/zones", data={"name": name.upper(), "backend": "bind"}, follow_redirects=False
    )
    assert (added.status_code, added.headers["location"]) == (303, f"/console/zones/{name}?done=zone-added")
    again = client.post("/console/zones", data={"name": name, "backend": "bind"})
    assert (again.status_code, "The zone was not added" in again.text) == (409, True)
    for wrong in ({}, {"name": "<b>", "backend": "bind"}, {"name": "a.test", "backend": "no host"}):
        answer = client.post("/console/zones", data=wrong)
        assert (answer.status_code, "<b>" in answer.text) == (422, False)
    there = f"/console/zones/{name}"
    assert client.post(f"{there}/settings", data=SETTINGS).status_code == 200
    found = client.get(f"/api/v1/zones/{name}").json()
    assert (found["default_ttl"], found["min_ttl"], found["drift"]) == (600, 60, "adopt")
    assert (found["allowed_types"], found["protected_names"]) == (["A", "AAAA"], ["@", "www"])
    assert (found["approvers"], found["reserved"]) == (["team b", "team-a"], {"**.shop": "team b"})
    assert found["max_deletes"] == {"number": None, "percent": 10}
    shown = client.get(f"{there}/settings").text
    assert all(text in shown for text in ('value="600"', "team b\nteam-a", "**.shop team b", 'value="10"'))
    refused = client.post(
        f"{there}/settings", data={"backend": "bind", "min_ttl": "soon", "reserved": "**.shop"}
    )
    assert (refused.status_code, 'value="soon"' in refused.text) == (422, True)
    assert client.post(f"{there}/settings", data={"backend": "bind"}).status_code == 200
    assert client.get(f"/api/v1/zones/{name}").json()["set"] == []
    client.post("/api/v1/dns/create", json=body(name)).raise_for_status()
    assert client.post(f"{there}/remove").status_code == 409
    assert client.post(f"{there}/remove", data={"cancel_open": "yes"}).status_code == 200
    assert client.get(f"/api/v1/zones/{name}").status_code == 404


def test_a_check_that_no_worker_makes_is_said(client: TestClient, new_zone: str) -> None:
    asked = client.post(f"/console/zones/{new_zone}/check")
    assert (asked.status_code, "No server was asked" in asked.text) == (503, True)


def test_a_rollback_is_planned_and_applied_as_any_plan(client: TestClient, zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    client.post("/api/v1/zones", json={"name": zone.name, "backend": "bind"}).raise_for_status()
    there, before = f"/console/zones/{zone.name}/rollback", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    client.post("/api/v1/dns/upsert", json=body(zone.name)).raise_for_status()
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert f'value="{before}"' in client.get(there, params={"to": before}).text
    planned = client.post(there, data={"to": before, "reason": "it was wrong"})
    assert f"delete www.{zone.name} A" in planned.text
    assert "Submit exactly this" in planned.text
    for wrong in ("", "yesterday", "2999-01-01T00:00:00"):
        answer = client.post(there, data={"to": wrong})
        assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)


def test_a_zones_access_is_for_those_who_read_access(client: TestClient, new_zone: str) -> None:
    grant = {"effect": "review", "account_id": "team-x", "zone": new_zone, "names": "*.shop"}
    client.post("/api/v1/access/grants", json=grant).raise_for_status()
    client.post("/api/v1/access/grants", json=grant | {"account_id": "team-y", "zone": "other.test"})
    page = client.get(f"/console/zones/{new_zone}/access").text
    assert ("team-x" in page, "team-y" in page) == (True, False)

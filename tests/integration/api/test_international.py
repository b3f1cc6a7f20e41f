"""International names: taken in Unicode, kept as A-labels, shown as both, wherever names are shown."""

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def get(client: TestClient, path: str, **parameters: Any) -> Any:
    return client.get(f"/api/v1{path}", params=parameters).raise_for_status().json()


def test_wherever_a_name_is_shown(client: TestClient, zone: ZoneUnderTest) -> None:
    alias = body(zone.name, "müller", record_type="CNAME", target="grün.example.org")
    name, value = f"müller.{zone.name}", "grün.example.org."
    planned = client.post("/api/v1/dns/plan", json={"requests": [alias]}).json()["results"][0]["change"]
    assert planned["domain"] == f"xn--mller-kva.{zone.name}"
    assert planned["domain_unicode"] == name
    assert planned["after"]["target_unicode"] == [value]
    accepted = client.post("/api/v1/dns/create", json=alias).json()
    assert accepted["domain_unicode"] == name
    again = client.post("/api/v1/dns/batch", json={"requests": [{"action": "upsert", **alias}]}).json()
    assert again["results"][0]["request"]["domain_unicode"] == name
    drain(zone.name, ZoneRunner(zone), make_backends())
    request = get(client, f"/dns/requests/{accepted['id']}")
    assert request["status"] == "succeeded"
    assert request["domain_unicode"] == name
    assert request["after"] == {
        "ttl": 300,
        "target": ["xn--grn-ioa.example.org."],
        "target_unicode": [value],
    }
    assert {each["domain_unicode"] for each in get(client, "/dns/requests")["items"]} == {name}
    (record,) = get(client, "/dns/records", zone=zone.name)["items"]
    assert (record["domain_unicode"], record["target_unicode"]) == (name, [value])
    history = get(client, f"/zones/{zone.name}/rrsets/{quote('müller')}/CNAME/history")
    assert history["domain_unicode"] == name
    assert history["items"][-1]["after"]["target_unicode"] == [value]
    text = client.post("/api/v1/dns/plan", json={"requests": [alias]}, headers={"Accept": "text/plain"}).text
    assert f"xn--mller-kva.{zone.name} ({name})  CNAME:" in text
    assert f"xn--grn-ioa.example.org. ({value})" in text


def test_where_there_is_none_there_is_no_such_field(client: TestClient, zone: ZoneUnderTest) -> None:
    accepted = client.post("/api/v1/dns/create", json=body(zone.name)).json()
    planned = client.post("/api/v1/dns/plan", json={"requests": [body(zone.name)]}).text
    drain(zone.name, ZoneRunner(zone), make_backends())
    shown = client.get(f"/api/v1/dns/requests/{accepted['id']}").text
    history = client.get(f"/api/v1/zones/{zone.name}/rrsets/www/A/history").text
    assert all("unicode" not in each for each in (str(accepted), planned, shown, history))

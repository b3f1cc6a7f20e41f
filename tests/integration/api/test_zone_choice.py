"""`resource.zone`: the parent's side of a delegation whose both zones are served here."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.builders import body
from tests.support.settings import SetSettings


@pytest.fixture
def child(client: TestClient, new_zone: str) -> str:
    name = f"child.{new_zone}"
    client.post("/api/v1/zones", json={"name": name, "backend": "bind"}).raise_for_status()
    return name


def delegation(zone: str, /, **fields: Any) -> dict[str, Any]:
    return body(zone, "child", record_type="NS", target="ns.other.test.", **fields)


def test_a_change_goes_to_the_zone_that_it_names(client: TestClient, new_zone: str, child: str) -> None:
    def zone_of(**fields: Any) -> str:
        answer = client.post("/api/v1/dns/create", json=delegation(new_zone, **fields))
        return str(answer.raise_for_status().json()["zone"])

    assert zone_of() == child
    assert zone_of(zone=new_zone) == new_zone
    assert zone_of(zone=f"{new_zone.upper()}.") == new_zone
    assert zone_of(zone=child) == child


def test_a_zone_that_can_not_be_meant(client: TestClient, new_zone: str, child: str) -> None:
    asked = [
        delegation(new_zone, zone="other.test"),
        delegation(new_zone, zone="test"),
        delegation(new_zone, zone=""),
        delegation(new_zone, zone=7),
        body(new_zone, "www.child", record_type="TXT", target="x", zone=new_zone),
        body(new_zone, "child", record_type="DS", target="1 8 2 " + "ab" * 32),
    ]
    results = client.post("/api/v1/dns/batch", json={"requests": asked}).json()["results"]
    assert [[(each["loc"][1:], each["type"]) for each in result["errors"]] for result in results] == [
        [(["resource", "zone"], "not_in_zone")],
        [(["resource", "zone"], "zone_unknown")],
        [(["resource", "zone"], "name_empty")],
        [(["resource", "zone"], "string_type")],
        [(["resource", "record_type"], "not_parent_side")],
        [(["resource", "domain"], "ds_at_apex")],
    ]


def test_the_zone_is_part_of_what_a_key_stands_for(client: TestClient, new_zone: str, child: str) -> None:
    def status(**fields: Any) -> int:
        headers = {"Idempotency-Key": "k"}
        asked = delegation(new_zone, **fields)
        return client.post("/api/v1/dns/create", json=asked, headers=headers).status_code

    assert [status(zone=new_zone), status(zone=new_zone)] == [202, 202]
    assert [status(), status(zone=child)] == [409, 409]


def test_the_simulation_makes_up_the_zone_that_is_asked_for(
    client: TestClient, set_settings: SetSettings
) -> None:
    set_settings(EXECUTOR="simulated")
    asked = body("b.invented.test", "a", record_type="A", zone="b.invented.test")
    assert client.post("/api/v1/dns/create", json=asked).json()["zone"] == "b.invented.test"

"""Zones that are changed by several clients at once, and bodies that no zone has."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from tests.support.locks import wait_for_blocked_transaction

JSON = {"content-type": "application/json"}


@pytest.fixture
def new_database(emptied_database: str) -> str:
    return emptied_database


def patch(client: TestClient, zone: str) -> Any:
    return client.patch(f"/api/v1/zones/{zone}", json={"backend": "knot"})


def delete(client: TestClient, zone: str) -> Any:
    return client.delete(f"/api/v1/zones/{zone}")


@pytest.mark.parametrize("call", [patch, delete])
def test_a_zone_that_another_client_removes_meanwhile(
    client: TestClient, new_zone: str, call: Callable[[TestClient, str], Any]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            session.execute(text("DELETE FROM dns_zones"))
            answer = pool.submit(call, client, new_zone)
            wait_for_blocked_transaction()
        assert answer.result().status_code == 404


def test_a_wildcard_is_no_zone(client: TestClient) -> None:
    answer = client.post("/api/v1/zones", json={"name": "*.example.test", "backend": "bind"})
    assert [reason["type"] for reason in answer.json()["detail"]] == ["name_invalid"]


def test_the_documentation_shows_their_bodies(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for name in ("NewZone", "ZoneChange"):
        assert document["components"]["schemas"][name]["properties"]["backend"]["pattern"]


def test_bodies_are_read_as_those_of_requests(client: TestClient, new_zone: str) -> None:
    for method, path in (("POST", "/api/v1/zones"), ("PATCH", f"/api/v1/zones/{new_zone}")):
        large = client.request(method, path, content=b" " * 1_000_000, headers=JSON)
        other = client.request(method, path, content=b"{}", headers={"content-type": "text/plain"})
        broken = client.request(method, path, content=b"{", headers=JSON)
        empty = client.request(method, path, content=b"{}", headers=JSON)
        assert (large.status_code, other.status_code) == (413, 415)
        assert [reason["type"] for reason in broken.json()["detail"]] == ["json_invalid"]
        assert {reason["type"] for reason in empty.json()["detail"]} == {"missing"}
        assert all(reason["loc"][0] == "body" for reason in empty.json()["detail"])

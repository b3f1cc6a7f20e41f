"""The zones that are served."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.store import backends
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.locks import wait_for_blocked_transaction

JSON = {"content-type": "application/json"}


def test_their_life(client: TestClient) -> None:
    added = client.post("/api/v1/zones", json={"name": "Sub.Example.TEST.", "backend": "bind"})
    assert (added.status_code, added.json()["name"]) == (201, "sub.example.test")
    assert client.post("/api/v1/zones", json={"name": "sub.example.test", "backend": "x"}).status_code == 409
    moved = client.patch("/api/v1/zones/SUB.example.test", json={"backend": "knot"}).json()
    assert moved["backend"] == "knot"
    assert client.get("/api/v1/zones/sub.example.test").json().items() >= moved.items()
    assert client.delete("/api/v1/zones/sub.example.test").status_code == 204
    assert client.get("/api/v1/zones/sub.example.test").status_code == 404


def test_one_with_open_requests_stays(client: TestClient, new_zone: str) -> None:
    client.post("/api/v1/dns/create", json=body(new_zone))
    assert client.delete(f"/api/v1/zones/{new_zone}").status_code == 409


def test_the_longest_match_takes_the_request(client: TestClient, new_zone: str) -> None:
    client.post("/api/v1/zones", json={"name": f"dev.{new_zone}", "backend": "bind"})
    answer = client.post("/api/v1/dns/create", json=body(new_zone, "www.dev"))
    assert answer.json()["zone"] == f"dev.{new_zone}"


@pytest.mark.parametrize("sent", [{"name": "a..b", "backend": "x"}, {"name": "a.test", "backend": "-e x"}])
def test_bad_ones_are_refused(client: TestClient, sent: dict[str, str]) -> None:
    assert codes(client.post("/api/v1/zones", json=sent))


def test_what_is_not_there_is_404(client: TestClient) -> None:
    assert client.get("/api/v1/zones/nowhere.test").status_code == 404
    assert client.delete("/api/v1/zones/bad..name").status_code == 404


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


@pytest.fixture
def published(client: TestClient) -> TestClient:
    """A worker has told which backends its inventory has."""
    with transaction() as session:
        backends.publish(session, {"bind": None, "ns1": None})
    return client


def test_a_backend_that_no_inventory_has_is_named_with_those_that_there_are(
    published: TestClient, new_zone: str
) -> None:
    sent = {"name": "new.test", "backend": "bnid"}
    added = published.post("/api/v1/zones", json=sent)
    moved = published.patch(f"/api/v1/zones/{new_zone}", json={"backend": "bnid"})
    for answer in (added, moved):
        [reason] = answer.json()["detail"]
        assert (answer.status_code, reason["loc"], reason["type"]) == (
            422,
            ["body", "backend"],
            "backend_unknown",
        )
        assert reason["msg"].endswith("'bnid'; there are: bind, ns1")
    assert published.post("/api/v1/zones", json=sent | {"backend": "ns1"}).status_code == 201


def test_a_backend_that_no_inventory_has_any_more_is_unknown(published: TestClient, new_zone: str) -> None:
    with transaction() as session:
        earlier = "UPDATE dns_backends SET seen_at = now() - interval '16 min'"
        session.execute(text(f"{earlier} WHERE name = 'ns1'"))
    sent = {"name": "new.test", "backend": "ns1"}
    refused = published.post("/api/v1/zones", json=sent)
    assert refused.json()["detail"][0]["msg"].endswith("'ns1'; there are: bind")
    listed = published.get("/api/v1/backends").json()["items"]
    assert [(each["name"], each["state"]) for each in listed] == [("bind", "well")]
    with transaction() as session:
        session.execute(text("UPDATE dns_zones SET backend = 'ns1'"))
    listed = published.get("/api/v1/backends").json()["items"]
    assert [(each["name"], each["state"]) for each in listed] == [("bind", "well"), ("ns1", "unknown")]
    with transaction() as session:
        session.execute(text(earlier))
    assert published.post("/api/v1/zones", json=sent).status_code == 201  # no worker is up


def test_where_no_worker_has_told_yet_any_backend_is_taken(client: TestClient) -> None:
    assert client.post("/api/v1/zones", json={"name": "new.test", "backend": "later"}).status_code == 201

"""The history of an RRset: its settled requests, newest first."""

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def submit(client: TestClient, zone: str, *items: dict[str, Any]) -> list[str]:
    answer = client.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    return [result["request"]["id"] for result in answer.json()["results"]]


def history(client: TestClient, zone: str, name: str, kind: str = "A", **query: Any) -> Any:
    path = f"/api/v1/zones/{quote(zone, safe='')}/rrsets/{quote(name, safe='')}/{kind}/history"
    return client.get(path, params=query)


def test_what_was_done_newest_first(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.9", ttl=60)
    ids = submit(
        client,
        zone.name,
        body(zone.name, action="create", target="192.0.2.1"),
        body(zone.name, action="upsert", target="192.0.2.2", account="team-b", comment="moved"),
        body(zone.name, action="create", record_type="CNAME", target="a.example.org"),
        body(zone.name, "other"),
    )
    drain(zone.name, ZoneRunner(zone), make_backends())
    submit(client, zone.name, body(zone.name, action="create", target="192.0.2.3"))  # not settled
    first = {"ttl": 60, "target": ["192.0.2.9"]}
    both, last = {"ttl": 300, "target": ["192.0.2.1", "192.0.2.9"]}, {"ttl": 300, "target": ["192.0.2.2"]}
    items = history(client, zone.name, "www").json()["items"]
    assert [(item["id"], item["before"], item["after"]) for item in items] == [
        (ids[1], both, last),
        (ids[0], first, both),
    ]
    assert [item["context"]["account_id"] for item in items] == ["team-b", "team-a"]
    assert [item["comment"] for item in items] == ["moved", None]
    assert {(item["status"], item["error"]) for item in items} == {("succeeded", None)}
    assert all(item["finished_at"] >= item["created_at"] for item in items)
    (failed,) = history(client, zone.name, "www", "CNAME").json()["items"]
    assert (failed["id"], failed["error"]["code"], failed["after"]) == (ids[2], "cname_conflict", None)
    undone = client.post(f"/api/v1/dns/requests/{ids[3]}/undo").json()["id"]
    drain(zone.name, ZoneRunner(zone), make_backends())
    items = history(client, zone.name, "other").json()["items"]
    assert [(item["id"], item["undoes"], item["undone_by"]) for item in items] == [
        (undone, ids[3], None),
        (ids[3], None, undone),
    ]


def test_pages(client: TestClient, zone: ZoneUnderTest) -> None:
    ids = submit(client, zone.name, *(body(zone.name, target=f"192.0.2.{n}") for n in range(7)))
    drain(zone.name, ZoneRunner(zone), make_backends())
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = history(client, zone.name, "www", limit=3, **cursor).json()
        found += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= 3
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ids[::-1]
    assert codes(history(client, zone.name, "www", cursor="x")) == {"cursor_invalid"}
    assert history(client, zone.name, "www", limit=101).status_code == 422


def test_names_are_relative_or_absolute(client: TestClient, zone: ZoneUnderTest) -> None:
    submit(client, zone.name, body(zone.name, "@"), body(zone.name, "a b._http._tcp"))
    drain(zone.name, ZoneRunner(zone), make_backends())

    def number(name: str) -> int:
        return len(history(client, zone.name, name).raise_for_status().json()["items"])

    assert [number(name) for name in ("@", zone.name, f"{zone.name}.", zone.name.upper())] == [1, 1, 1, 1]
    assert [number(name) for name in ("a b._http._tcp", f"a b._http._tcp.{zone.name}", "none")] == [1, 1, 0]
    assert codes(history(client, zone.name, "www.example.org.")) == {"not_in_zone"}
    assert codes(history(client, zone.name, "a..b")) == {"label_empty"}
    assert history(client, zone.name, "www", "NONSENSE").status_code == 422
    assert history(client, zone.name, "www", "TYPE65280").json()["items"] == []


def test_names_with_slashes(client: TestClient) -> None:
    """RFC 2317: labels with slashes, in zones and below."""
    name = "0/25.2.0.192.in-addr.arpa"
    client.post("/api/v1/zones", json={"name": name, "backend": "bind"}).raise_for_status()
    submit(client, name, body(name, "1", record_type="PTR", target="a.example.org"))
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET status = 'cancelled', finished_at = now()"))
    for owner in ("1", f"1.{name}"):
        (item,) = history(client, name, owner, "PTR").json()["items"]
        assert item["status"] == "cancelled"
    plain = client.get(f"/api/v1/zones/{name}/rrsets/1/PTR/history")
    assert len(plain.json()["items"]) == 1


def test_a_zone_that_is_gone(client: TestClient, zone: ZoneUnderTest) -> None:
    submit(client, zone.name, body(zone.name))
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert history(client, zone.name, "none").json() == {"items": [], "next_cursor": None}
    client.delete(f"/api/v1/zones/{zone.name}").raise_for_status()
    assert len(history(client, zone.name, "www").json()["items"]) == 1
    for name in (zone.name, "never.test", "a b"):
        answer = history(client, name, "none")
        assert (answer.status_code, answer.json()["code"]) == (404, "zone_unknown")
        assert f"'{name}'" in answer.json()["detail"]

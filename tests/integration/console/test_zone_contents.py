"""What is done to a zone's contents by pages: undo, drift, imports, exports."""

import json

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.zone_runner import ZoneRunner

DRIFT = """
    INSERT INTO dns_drift (zone, name, record_type, kind, confirmed, found)
    VALUES (:zone, :name, 'TXT', 'added', true, CAST(:found AS jsonb))
"""
HOSTILE = '"<script>alert(1)</script>"'


@pytest.fixture
def drifted(client: TestClient, new_zone: str) -> str:
    """A zone in which three RRsets have drifted."""
    with transaction() as session:
        known = "INSERT INTO dns_zone_states (zone, imported_at, known_serial) VALUES (:zone, now(), 7)"
        session.execute(text(known), {"zone": new_zone})
        for owner in ("one", "two", "three"):
            found = json.dumps({"ttl": 300, "rdata": [HOSTILE]})
            session.execute(text(DRIFT), {"zone": new_zone, "name": f"{owner}.{new_zone}", "found": found})
    return new_zone


def left(client: TestClient, zone: str) -> set[str]:
    found = client.get(f"/api/v1/zones/{zone}/drift").raise_for_status().json()
    return {item["domain"].partition(".")[0] for item in found["items"]}


def test_what_is_ticked_is_adopted_and_the_rest_stays(client: TestClient, drifted: str) -> None:
    there = f"/console/zones/{drifted}/drift"
    page = client.get(there)
    assert (page.status_code, page.text.count('name="rrset"')) == (200, 3)
    assert "<script>alert" not in page.text
    nothing = client.post(f"{there}/adopt")
    assert (nothing.status_code, "tick the RRsets" in nothing.text) == (422, True)
    done = client.post(f"{there}/adopt", data={"rrset": [f"one.{drifted} TXT", f"two.{drifted} TXT"]})
    assert "What was found is recorded." in done.text
    assert left(client, drifted) == {"three"}
    assert f"one.{drifted}" in client.get(f"/console/zones/{drifted}").text
    client.post(f"{there}/adopt", data={"all": "yes"})
    assert "Nothing has drifted" in client.get(there).text
    assert client.post(f"{there}/adopt", data={"all": "yes"}).status_code == 409
    for wrong in ("", "nonsense", "a b c", f"one.{drifted} NOSUCH"):
        assert client.post(f"{there}/adopt", data={"rrset": wrong}).status_code == 422


def test_what_is_restored_becomes_requests(client: TestClient, drifted: str) -> None:
    there = f"/console/zones/{drifted}/drift"
    done = client.post(f"{there}/restore", data={"rrset": f"one.{drifted} TXT", "reason": "nobody asked"})
    assert "on their way" in done.text
    [request] = client.get("/api/v1/dns/requests", params={"zone": drifted}).json()["items"]
    assert (request["action"], request["context"]["reason"]) == ("delete", "nobody asked")


def test_the_history_of_an_rrset_offers_to_undo_its_changes(client: TestClient, zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    client.post("/api/v1/zones", json={"name": zone.name, "backend": "bind"}).raise_for_status()
    there = f"/console/zones/{zone.name}/history"
    asked = {"rrset": "www", "record_type": "A"}
    assert "No request has changed this RRset" in client.get(there, params=asked).text
    for target in ("192.0.2.1", "192.0.2.2"):
        made = client.post("/api/v1/dns/upsert", json=body(zone.name, target=target)).json()
        drain(zone.name, ZoneRunner(zone), make_backends())
    page = client.get(there, params=asked)
    assert "192.0.2.1" in page.text
    assert f'action="/console/requests/{made["id"]}/undo"' in page.text
    assert client.get(there, params={"rrset": "a..b", "record_type": "A"}).status_code == 422


def test_a_zone_is_imported_from_a_chosen_file(client: TestClient, new_zone: str) -> None:
    there = f"/console/zones/{new_zone}/import"
    assert "never imported" in client.get(there).text
    bad = client.post(there, data={"from": "file"}, files={"file": ("zone", b"<script>alert(1)</script>\n")})
    assert (bad.status_code, "<script>alert" in bad.text) == (422, False)
    for nothing in ("file", "elsewhere"):
        assert client.post(there, data={"from": nothing}).status_code == 422
    binary = client.post(there, data={"from": "file"}, files={"file": ("zone", b"\x00\xff\n")})
    assert binary.status_code == 422
    file = f"$ORIGIN {new_zone}.\n@ 300 SOA ns hostmaster 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.53\n"
    done = client.post(there, data={"from": "file"}, files={"file": ("zone", file.encode())})
    assert ("on its way" in done.text, "a posted file" in done.text) == (True, True)
    assert client.get(f"/console/zones/{new_zone}/export").status_code == 409


def test_an_export_is_a_file_to_keep(client: TestClient, new_zone: str) -> None:
    with transaction() as session:
        known = (
            "INSERT INTO dns_zone_states (zone, imported_at, known_serial, soa, soa_ttl)"
            f" VALUES (:zone, now(), 7, 'ns.{new_zone}. hostmaster.{new_zone}. 7 1 1 1 1', 300)"
        )
        session.execute(text(known), {"zone": new_zone})
    file = client.get(f"/console/zones/{new_zone}/export")
    assert file.headers["content-disposition"] == f'attachment; filename="{new_zone}.zone"'
    assert "SOA" in file.text

"""The pages about zones, and what is recorded of them."""

from collections.abc import Sequence
from uuid import uuid4

from fastapi.testclient import TestClient

from app.core.database import transaction
from app.store import records
from app.store.records import AnsweredRRset

HOSTILE = '"<script>alert(1)</script>" "{{ 7*7 }}"'


def record(zone: str, *rrsets: tuple[str, str, Sequence[str]]) -> None:
    answered = [
        AnsweredRRset(zone, f"{owner}.{zone}", kind, 300, tuple(rdata), "team-a", uuid4(), None, "team-a")
        for owner, kind, rdata in rrsets
    ]
    with transaction() as session:
        records.put(session, answered)


def test_zones_are_found_by_a_part_of_their_name(client: TestClient, new_zone: str) -> None:
    found = client.get("/console/zones", params={"search": new_zone[1:6].upper()})
    assert (found.status_code, f"/console/zones/{new_zone}" in found.text) == (200, True)
    assert "No zone is like this" in client.get("/console/zones", params={"search": "%"}).text
    assert client.get("/console/zones", params={"cursor": "made-up"}).status_code == 422
    assert client.get("/console/zones/nowhere.test").status_code == 404
    assert client.get("/console/zones/a..b").status_code == 404


def test_records_are_found_by_name_type_and_value(client: TestClient, new_zone: str) -> None:
    record(
        new_zone, ("www", "A", ["192.0.2.77"]), ("hostile", "TXT", [HOSTILE]), ("100%", "A", ["192.0.2.8"])
    )

    def rows(**wanted: str) -> set[str]:
        page = client.get(f"/console/zones/{new_zone}", params=wanted)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        return {owner for owner in ("www", "hostile", "100%") if f">{owner}.{new_zone}<" in page.text}

    assert rows() == {"www", "hostile", "100%"}
    assert rows(search="WW") == {"www"}
    assert rows(search="2.77") == {"www"}
    assert rows(search="<SCRIPT>") == {"hostile"}
    assert rows(search="%") == {"100%"}
    assert rows(record_type="TXT") == {"hostile"}
    assert rows(owner="team-b") == set()
    assert client.get(f"/console/zones/{new_zone}", params={"record_type": "NOSUCH"}).status_code == 422

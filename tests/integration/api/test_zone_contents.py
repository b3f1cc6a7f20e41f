"""Imports and exports of zones, over the API, by a worker in the test's process."""

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text, update
from uuid_utils.compat import uuid7

from app.core.database import transaction
from app.domain.change import NOTHING, RRsetKey, RRsetState
from app.domain.permissions import Caller, Effect, Grant, Grants, Principal, Role
from app.domain.zone_record import ZoneRecord
from app.services.records import RecordFilter, find_records
from app.services.zones import imports, members
from app.store import backends, records
from app.store.models import Request
from app.store.staging import Staging
from stack.embedded import Stack
from stack.inventory import write_backend
from stack.nameserver import empty_zone
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.master_files import check_by_bind
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly
from tests.support.zones import ZoneUnderTest
from tests.unit.domain.rdata.cases import cases
from tests.unit.domain.rdata.tables import TABLES

SOA = "@ 60 SOA ns1.example.test. hostmaster.example.test. 7 3600 600 604800 60\n@ 300 NS ns1.example.test.\n"
NOT_BY_BIND = {"\\# 3 0a0000"}  # an IPSECKEY without a key, which BIND reads from no file


@pytest.fixture
def zone(client: TestClient, infrastructure: Stack, new_zone: str) -> ZoneUnderTest:
    """A zone on BIND, which the API serves."""
    return ZoneUnderTest(infrastructure, new_zone)


def work() -> None:
    """Do what a worker and the API do in the background."""
    for _ in range(2):
        imports.import_wanted(Event())
        members.register_members()


def post(client: TestClient, zone: str, **body: Any) -> Any:
    return client.post(f"/api/v1/zones/{zone}/import", **body)


def post_file(client: TestClient, zone: str, file: str | bytes) -> Any:
    return post(client, zone, content=file, headers={"Content-Type": "text/dns"})


def done(client: TestClient, zone: str) -> dict[str, Any]:
    """Do what is wanted, and return the zone's import."""
    work()
    found: dict[str, Any] = client.get(f"/api/v1/zones/{zone}/import").json()
    return found


def recorded(client: TestClient, zone: str) -> dict[tuple[str, str], Any]:
    found = client.get("/api/v1/dns/records", params={"zone": zone, "limit": 1000}).json()["items"]
    return {(each["domain"], each["record_type"]): each for each in found}


def exported(client: TestClient, zone: str) -> str:
    answer = client.get(f"/api/v1/zones/{zone}/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/dns; charset=utf-8"
    return answer.text


def candidates() -> set[tuple[str, str]]:
    with transaction() as session:
        rows = session.execute(text("SELECT name, record_type FROM dns_drift WHERE NOT confirmed"))
        return {(row.name, row.record_type) for row in rows}


def test_a_zone_is_imported_from_its_primary(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.2")
    zone.do("create", "www", "A", "192.0.2.1")
    answer = post(client, zone.name)
    assert (answer.status_code, answer.json()["state"]) == (202, "wanted")
    assert answer.headers["location"] == f"/api/v1/zones/{zone.name}/import"
    found = done(client, zone.name)
    assert (found["state"], found["rrsets"], found["error"], found["serial"]) == ("done", 2, None, 3)
    assert found["result"] == {"rrsets": 2, "added": 2, "candidates": 0, "serial": 3} | {
        "octets": found["result"]["octets"]
    }
    rrsets = recorded(client, zone.name)
    assert set(rrsets) == {(zone.name, "NS"), (zone.full("www"), "A")}
    www = rrsets[zone.full("www"), "A"]
    assert (www["target"], www["ttl"], www["origin"]) == (["192.0.2.1", "192.0.2.2"], 300, "import")
    assert client.get(f"/api/v1/zones/{zone.name}").json()["import"] == found
    assert (www["account_id"], www["owner"], www["request_id"], www["comment"]) == (None, None, None, None)


@pytest.mark.thorough
@pytest.mark.parametrize("server", ["knot", "powerdns"])
def test_from_other_servers(
    client: TestClient,
    zone_on: ZoneOn,
    server: str,
    more_name_servers: Stack,
    tmp_path: Path,
    set_settings: SetSettings,
) -> None:
    zone = zone_on(server)
    client.post("/api/v1/zones", json={"name": zone.name, "backend": server}).raise_for_status()
    key = {"dns_tsig_key_file": str(more_name_servers.key_file(server))} if zone.transfers_are_signed else {}
    write_backend(tmp_path / "i", server, zone.target.address, zone.target.port, **key)
    set_settings(INVENTORY=str(tmp_path / "i"))
    post(client, zone.name)
    found = done(client, zone.name)
    assert (found["state"], found["error"]) == ("done", None)
    assert set(recorded(client, zone.name)) == {(zone.name, "NS")}


def test_what_is_recorded_otherwise_becomes_a_candidate(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.apply(*(zone.change("create", owner, "A", "192.0.2.1") for owner in ("same", "other", "new")))
    with transaction() as session:
        for owner, address in {"same": "192.0.2.1", "other": "192.0.2.9", "gone": "192.0.2.1"}.items():
            records.put(session, [answered(zone, owner, address)])
    post(client, zone.name)
    result = done(client, zone.name)["result"]
    assert (result["added"], result["candidates"]) == (2, 2)
    assert candidates() == {(zone.full("other"), "A"), (zone.full("gone"), "A")}
    rrsets = recorded(client, zone.name)
    assert rrsets[zone.full("other"), "A"]["target"] == ["192.0.2.9"]
    assert rrsets[zone.full("same"), "A"]["origin"] == "request"
    post(client, zone.name)  # once more: nothing new
    assert done(client, zone.name)["result"]["added"] == 0


def answered(zone: ZoneUnderTest, owner: str, address: str) -> records.AnsweredRRset:
    return records.AnsweredRRset(
        zone.name, zone.full(owner), "A", 300, (address,), "team-a", uuid7(), None, "team-a"
    )


REQUEST = text(
    "INSERT INTO dns_requests (id, action, status, account_id, source, resource, zone, name, record_type,"
    " ttl, rdata, attempts, started_at, finished_at, verified_at)"
    " VALUES (:id, 'delete', CAST(:status AS text), 'a', 'test', '{}', :zone, :name, 'A', 300, '{}',"
    " :attempts, CASE WHEN CAST(:attempts AS int) > 0 THEN now() END,"
    " CASE WHEN CAST(:status AS text) = 'succeeded' THEN now() END,"
    " CASE WHEN CAST(:status AS text) = 'succeeded' THEN now() END)"
)


def add_request(zone: ZoneUnderTest, owner: str, status: str, attempts: int) -> None:
    with transaction() as session:
        values = {"id": uuid7(), "zone": zone.name, "name": zone.full(owner), "status": status}
        session.execute(REQUEST, values | {"attempts": attempts})


def test_what_a_request_may_have_changed_meanwhile_is_a_candidate(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    with transaction() as session:
        staging = Staging(session, zone.name)
        staged = [ZoneRecord(zone.full(owner), "A", 300, "192.0.2.1") for owner in ("a", "b", "c", "d")]
        add_request(zone, "a", "running", 1)
        add_request(zone, "b", "succeeded", 1)
        add_request(zone, "c", "pending", 0)
        staging.fill(staged)
        merged = staging.merge(5)
    assert (merged.rrsets, merged.added, merged.candidates) == (4, 2, 2)
    assert candidates() == {(zone.full("a"), "A"), (zone.full("b"), "A")}
    assert {name for name, _ in recorded(client, zone.name)} == {zone.full("c"), zone.full("d")}


def test_records_of_an_rrset_that_come_apart(client: TestClient, zone: ZoneUnderTest) -> None:
    with transaction() as session:
        staging = Staging(session, zone.name)
        a, b = (ZoneRecord(zone.full("a"), kind, 300, "x") for kind in ("TXT", "SPF"))
        staging.fill([a, b, a._replace(rdata="y", ttl=60), a])
        assert staging.merge(1).rrsets == 2
        found = records.get(session, zone.name, RRsetKey(a.name, "TXT"))
    assert found is not None
    assert (found.ttl, found.rdata) == (60, ["x", "y"])


def test_an_import_that_fails_changes_nothing(
    client: TestClient, new_zone: str, set_settings: SetSettings
) -> None:
    client.post("/api/v1/zones", json={"name": "nowhere.test", "backend": "bind"}).raise_for_status()
    post(client, "nowhere.test")
    found = done(client, "nowhere.test")
    assert (found["state"], found["error"]["code"]) == ("failed", "zone_not_loaded")
    assert "NOTAUTH" in found["error"]["message"]
    post(client, new_zone)
    set_settings(IMPORT_MAX_RECORDS="1", TRANSFER_BYTES="1000")
    assert done(client, new_zone)["state"] == "done"
    post(client, new_zone)
    set_settings(TRANSFER_BYTES="10")
    assert done(client, new_zone)["error"]["code"] == "transfer_too_long"


def test_an_import_whose_worker_was_lost_is_done_by_the_next(client: TestClient, new_zone: str) -> None:
    post(client, new_zone)
    with transaction() as session:
        session.execute(text("UPDATE dns_zone_states SET import_state = 'running'"))
    answer = post(client, new_zone)
    assert (answer.status_code, answer.json()["code"]) == (409, "import_running")
    assert done(client, new_zone)["state"] == "done"


def test_a_master_file(client: TestClient, new_zone: str) -> None:
    file = f'$ORIGIN {new_zone}.\n$TTL 1h\n{SOA}$generate 1-3 h$ A 192.0.2.$\nt TXT ( "a"\n  "b;" ) ; c\n'
    assert post_file(client, new_zone, file).status_code == 202
    found = done(client, new_zone)
    assert (found["state"], found["source"], found["serial"], found["rrsets"]) == ("done", "file", 7, 5)
    rrsets = recorded(client, new_zone)
    assert rrsets[f"h3.{new_zone}", "A"]["ttl"] == 3600
    assert rrsets[f"t.{new_zone}", "TXT"]["target"] == ['"a" "b;"']


def test_a_master_file_of_windows(client: TestClient, new_zone: str) -> None:
    file = "\ufeff" + (SOA + 'a 60 TXT (\n "x"\n )\nb 60 A 192.0.2.1\n').replace("\n", "\r\n")
    assert post_file(client, new_zone, file.encode()).status_code == 202
    assert done(client, new_zone)["rrsets"] == 3


@pytest.mark.thorough
def test_what_other_workers_reach_is_left_to_them(
    client: TestClient, new_zone: str, infrastructure: Stack, tmp_path: Path, set_settings: SetSettings
) -> None:
    here = infrastructure.env["INVENTORY"]
    with transaction() as session:
        backends.publish(session, {"bind": None})
    post(client, new_zone)
    write_backend(tmp_path / "i", "another", "127.0.0.1", 1)
    set_settings(INVENTORY=str(tmp_path / "i"))
    assert done(client, new_zone)["state"] == "wanted"
    set_settings(EXECUTOR="simulated")
    assert done(client, new_zone)["state"] == "wanted"
    set_settings(EXECUTOR="auto", INVENTORY=here)
    assert done(client, new_zone)["state"] == "done"


@pytest.mark.parametrize(
    "failure", [psycopg.errors.DiskFull("no space"), thoroughly(ZeroDivisionError())], ids=repr
)
def test_an_error_ends_the_import(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(Staging, "fill", fail)
    post(client, new_zone)
    assert done(client, new_zone)["error"]["code"] == "import_failed"


def test_a_bad_master_file_is_refused_with_all_reasons(client: TestClient, new_zone: str) -> None:
    bad = "$INCLUDE /etc/passwd\nx 60 A 1.2.3\nok 60 A 192.0.2.1\nwww.example.org. 60 A 192.0.2.1\ny 60 A (\n"
    answer = post_file(client, new_zone, SOA + bad)
    assert answer.status_code == 422
    assert [(each["loc"][-1], each["type"]) for each in answer.json()["detail"]] == [
        (3, "include_refused"),
        (4, "master_file_invalid"),
        (6, "not_in_zone"),
        (7, "master_file_invalid"),
    ]
    for file, code in {"": "soa_missing", "\xff\n": "master_file_invalid"}.items():
        found = post_file(client, new_zone, b"; none\n" + file.encode("latin-1")).json()["detail"]
        assert found[0]["type"] == code
    assert client.get(f"/api/v1/zones/{new_zone}/import").json()["state"] is None


def test_a_large_master_file_is_read_by_the_worker(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "CHECKED_AT_ONCE", 10)
    assert post_file(client, new_zone, SOA + "x 60 A 1.2.3\n").status_code == 202
    found = done(client, new_zone)
    assert (found["state"], found["error"]["code"]) == ("failed", "master_file_invalid")
    assert [(each["line"], each["type"]) for each in found["result"]["errors"]] == [
        (3, "master_file_invalid")
    ]
    for beside in ("A 192.0.2.1", "CNAME b"):
        post_file(client, new_zone, SOA + f"x 60 CNAME a\nx 60 {beside}\n")
        assert done(client, new_zone)["error"]["code"] == "cname_conflict"
    assert recorded(client, new_zone) == {}


@pytest.mark.parametrize("slow", ["", "$Generate 1-2 g$ A 192.0.2.1\n"])
def test_no_answer_waits_for_a_file_that_takes_long_to_read(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr(imports, "CHECKED_FOR", 60 if slow else 0)
    assert post_file(client, new_zone, SOA + slow + "x 60 A 1.2.3\n").status_code == 202
    assert done(client, new_zone)["error"]["code"] == "master_file_invalid"


def test_bodies_that_are_no_master_file(client: TestClient, new_zone: str, set_settings: SetSettings) -> None:
    assert post(client, new_zone, content="x", headers={"Content-Type": "text/html"}).status_code == 415
    assert post(client, new_zone, json={"catalogue": True}).status_code == 422
    crowded = post(client, new_zone, json={f"x{number}": True for number in range(500)})
    assert [each["type"] for each in crowded.json()["detail"]] == ["extra_forbidden"]
    assert (
        post(client, new_zone, content="{", headers={"Content-Type": "application/json"}).status_code == 422
    )
    large = post(client, new_zone, content=b" " * 300_000, headers={"Content-Type": "application/json"})
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert post(client, "none.test").status_code == 404
    assert client.get(f"/api/v1/zones/{new_zone}/export").json()["code"] == "zone_not_imported"
    for act in ("adopt", "restore", "check"):
        answer = client.post(f"/api/v1/zones/{new_zone}/drift/{act}")
        assert answer.json()["code"] == "zone_not_imported"


def test_an_exported_zone_is_the_same_when_it_is_imported(
    client: TestClient, infrastructure: Stack, tmp_path: Path
) -> None:
    name, other = "all-types.test", "all-types-again.test"
    good = [case for table in TABLES for case in cases(table.GOOD) if case.expected not in NOT_BY_BIND]
    lines = [f"n{number} 60 {case.type} {case.expected}\n" for number, case in enumerate(good)]
    lines += ["a\\032b\\.c 60 A 192.0.2.1\n", '*.w 60 TXT "\\"\\\\\\255;"\n', "d\\@ 60 AAAA 2001:db8::1\n"]
    for each in (name, other):
        client.post("/api/v1/zones", json={"name": each, "backend": "bind"}).raise_for_status()
    assert post_file(client, name, SOA + "".join(lines)).status_code == 202
    assert done(client, name)["state"] == "done"
    file = exported(client, name)
    check_by_bind(file, name, tmp_path)
    assert post_file(client, name, file).status_code == 202
    again = done(client, name)
    assert (again["state"], again["result"]["added"], again["result"]["candidates"]) == ("done", 0, 0)
    assert again["rrsets"] == len(good) + 4
    assert exported(client, name) == file


def test_all_members_of_a_catalog(client: TestClient, infrastructure: Stack, new_zone: str) -> None:
    catalog = f"catalog-{new_zone}"
    inside, elsewhere = f"a.{new_zone}", f"b.{new_zone}"
    infrastructure.add_zone(inside)
    lines = ['version TXT "2"\n', f"x1.zones PTR {inside}.\n", f"x2.zones PTR {elsewhere}.\n"]
    lines += [f"x3.zones PTR {new_zone}.\n", 'group.x3.zones TXT "g"\n', "x4.zones PTR bad\\.name.\n"]
    path = infrastructure.data("bind") / "zones" / catalog
    path.write_text(empty_zone(catalog) + "".join(lines))
    infrastructure.add_zone(catalog)
    client.post("/api/v1/zones", json={"name": catalog, "backend": "bind"}).raise_for_status()
    client.post("/api/v1/zones", json={"name": elsewhere, "backend": "other"}).raise_for_status()
    assert post(client, catalog, json={"catalog": True}).status_code == 202
    found = done(client, catalog)
    assert (found["state"], found["source"]) == ("done", "catalog")
    assert (found["result"]["members"], found["result"]["added"]) == (4, 1)
    assert {each["zone"] for each in found["result"]["skipped"]} == {elsewhere, "bad\\046name"}
    for zone in (inside, new_zone):
        assert client.get(f"/api/v1/zones/{zone}/import").json()["state"] == "done"
    post(client, new_zone, json={"catalog": True})
    assert done(client, new_zone)["error"]["code"] == "catalog_invalid"


def test_a_zone_that_is_removed_takes_what_was_imported_with_it(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    with transaction() as session:
        records.put(session, [answered(zone, "mine", "192.0.2.1")])
    post(client, zone.name)
    done(client, zone.name)
    assert client.delete(f"/api/v1/zones/{zone.name}").status_code == 204
    assert set(recorded(client, zone.name)) == {(zone.full("mine"), "A")}
    assert candidates() == set()


@pytest.mark.parametrize("becomes", [thoroughly("removed"), "another", thoroughly("moved")])
def test_an_import_of_a_zone_that_is_another_one_by_then_counts_for_nothing(
    client: TestClient, zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    url, fill = f"/api/v1/zones/{zone.name}", Staging.fill

    def fill_meanwhile(staging: Staging, records: Iterable[ZoneRecord]) -> None:
        fill(staging, records)
        if becomes == "moved":
            client.patch(url, json={"backend": "another"}).raise_for_status()
            return
        client.delete(url).raise_for_status()
        if becomes == "another":
            again = {"name": zone.name, "backend": "bind"}
            client.post("/api/v1/zones", json=again, params={"check": "false"}).raise_for_status()
            post_file(client, zone.name, SOA).raise_for_status()

    monkeypatch.setattr(Staging, "fill", fill_meanwhile)
    post(client, zone.name)
    imports.import_wanted(Event())
    assert recorded(client, zone.name) == {}
    monkeypatch.undo()
    if becomes == "another":
        assert done(client, zone.name)["source"] == "file"


def test_thresholds_know_the_whole_zone(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.apply(*(zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(20)))
    settings = {"max_deletes": {"percent": 10}}
    client.patch(f"/api/v1/zones/{zone.name}", json=settings).raise_for_status()
    deletes = [body(zone.name, f"h{number}", action="delete", target="192.0.2.1") for number in range(3)]
    plan = client.post("/api/v1/dns/plan", json={"requests": deletes[:1]}).json()
    assert plan["results"][0]["change"]["before_known"] is False
    post(client, zone.name)
    done(client, zone.name)
    refused = client.post("/api/v1/dns/batch", json={"requests": deletes})
    assert [each["type"] for each in refused.json()["detail"]] == ["mass_change"]
    plan = client.post("/api/v1/dns/plan", json={"requests": deletes[:1]}).json()
    assert plan["results"][0]["change"]["before"]["target"] == ["192.0.2.1"]


def test_a_plan_knows_what_an_imported_zone_does_not_have(client: TestClient, zone: ZoneUnderTest) -> None:
    planned = {"requests": [body(zone.name, "new"), body(zone.name, "new2", action="update")]}

    def plan() -> list[tuple[bool, str]]:
        results = client.post("/api/v1/dns/plan", json=planned).json()["results"]
        return [(each["change"].get("before_known", True), each["forecast"]["outcome"]) for each in results]

    assert plan() == [(False, "applied"), (False, "unknown")]
    post(client, zone.name)
    assert done(client, zone.name)["state"] == "done"
    assert plan() == [(True, "applied"), (True, "failed")]


def test_requesters_see_of_an_import_what_their_grants_cover(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    zone.do("create", "secret", "A", "192.0.2.1")
    post(client, zone.name)
    done(client, zone.name)
    grants = Grants([Grant("", Effect.ALLOW, account="team-a", zone=zone.name, names="www")])
    caller = Caller(Principal("token", frozenset({"team-a"}), frozenset({Role.REQUESTER})), grants)
    with transaction() as session:
        page = find_records(session, RecordFilter(zone=zone.name), 10, None, caller)
    assert [each.name for each in page.items] == [zone.full("www")]


def test_an_undo_where_an_import_stands_in_the_way(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    request = UUID(int=int((time.time() - 3600) * 1_000) << 80)  # of an hour ago
    row = {"id": request, "zone": zone.name, "name": zone.full("www"), "status": "succeeded", "attempts": 1}
    before, after = RRsetState(300, ("192.0.2.9",)).as_json(), NOTHING.as_json()
    with transaction() as session:
        session.execute(REQUEST, row)
        session.execute(update(Request).values(before=before, after=after))
    post(client, zone.name)
    assert done(client, zone.name)["result"]["added"] == 2
    answer = client.post(f"/api/v1/dns/requests/{request}/undo")
    assert (answer.status_code, answer.json()["code"]) == (409, "undo_conflict")

"""Undo: a request that restores what was there before another one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.domain.errors import BacklogFull
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.store import backends
from tests.integration.conftest import ZoneOn
from tests.support.builders import body, time_after
from tests.support.eventually import eventually
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest

REQUESTS = "/api/v1/dns/requests"


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def settle(zone: ZoneUnderTest) -> None:
    drain(zone.name, ZoneRunner(zone), make_backends())


def do(client: TestClient, zone: ZoneUnderTest, action: str, *targets: str, **more: Any) -> str:
    """Submit a change of www, and have it settled; return its id."""
    asked = body(zone.name, target=list(targets), **more)
    if not targets:
        del asked["resource"]["target"]
    answer = client.post(f"/api/v1/dns/{action}", json=asked)
    assert answer.status_code == 202, answer.text
    settle(zone)
    found: str = answer.json()["id"]
    return found


def undo(client: TestClient, request_id: str, /, **given: Any) -> Any:
    return client.post(f"{REQUESTS}/{request_id}/undo", **given)


def shown(client: TestClient, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{REQUESTS}/{request_id}").raise_for_status().json()
    return found


def fate(client: TestClient, request_id: str) -> str:
    found = shown(client, request_id)
    return str(found["error"]["code"] if found["error"] else found["status"])


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


def count(client: TestClient, zone: ZoneUnderTest) -> int:
    return len(client.get(REQUESTS, params={"zone": zone.name}).json()["items"])


@pytest.mark.parametrize("action", ["upsert", "delete", *map(thoroughly, ("update", "create"))])
def test_what_was_there_before_is_there_again(client: TestClient, zone: ZoneUnderTest, action: str) -> None:
    zone.do("create", "www", "A", "192.0.2.1", "192.0.2.2", ttl=77)
    before = zone.answer("www", "A")
    done = do(client, zone, action, "192.0.2.2" if action == "delete" else "192.0.2.3", comment="why")
    after = zone.answer("www", "A")
    assert after != before
    answer = undo(client, done)
    undone_by = answer.json()["id"]
    assert (answer.status_code, answer.json()["undoes"]) == (202, done)
    assert answer.headers["location"] == f"{REQUESTS}/{undone_by}"
    assert answer.json()["context"]["account_id"] == "team-a"
    assert answer.json()["resource"]["comment"] == "why"
    settle(zone)
    assert fate(client, undone_by) == "succeeded"
    assert zone.answer("www", "A") == before
    assert shown(client, done)["undone_by"] == undone_by
    assert shown(client, undone_by)["undoes"] == done
    again = undo(client, undone_by).json()["id"]
    settle(zone)
    assert (fate(client, again), zone.answer("www", "A")) == ("succeeded", after)


def test_where_there_was_none_the_rrset_goes(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1", "192.0.2.2")
    asked = {"context": {"account_id": "team-b", "source": "console-7"}, "comment": "a mistake"}
    found = undo(client, done, json=asked).json()
    assert (found["action"], found["resource"].get("target")) == ("delete", None)
    assert (found["context"]["account_id"], found["context"]["source"]) == ("team-b", "console-7")
    assert found["resource"]["comment"] == "a mistake"
    settle(zone)
    assert (fate(client, found["id"]), zone.values("www", "A")) == ("succeeded", set())


def test_a_change_through_us_is_a_conflict_at_once(client: TestClient, zone: ZoneUnderTest) -> None:
    first = do(client, zone, "create", "192.0.2.1")
    second = do(client, zone, "create", "192.0.2.2")
    told = undo(client, first)
    assert refused(told) == (409, "undo_conflict")
    assert f"last by the request {second}" in told.json()["detail"]
    path = told.json()["detail"].partition("GET ")[2].split(" ")[0]
    assert [each["id"] for each in client.get(path).json()["items"]] == [second, first]
    do(client, zone, "delete")
    assert refused(undo(client, first)) == (409, "undo_conflict")
    assert count(client, zone) == 3


def test_a_change_beside_us_is_a_conflict_on_the_server(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    zone.do("create", "www", "A", "192.0.2.9")
    failed = undo(client, done).json()["id"]
    assert refused(undo(client, done)) == (409, "undone_already")
    settle(zone)
    assert fate(client, failed) == "undo_conflict"
    assert zone.values("www", "A") == {"192.0.2.1", "192.0.2.9"}
    zone.do("delete", "www", "A", "192.0.2.9")
    again = undo(client, done).json()["id"]  # the one that failed is no obstacle
    settle(zone)
    assert (fate(client, again), zone.values("www", "A")) == ("succeeded", set())
    assert refused(undo(client, done)) == (409, "undone_already")


def test_what_can_not_be_undone(client: TestClient, zone: ZoneUnderTest) -> None:
    failed = do(client, zone, "update", "192.0.2.1")
    assert refused(undo(client, failed)) == (409, "request_not_undoable")
    done = do(client, zone, "create", "192.0.2.1")
    assert refused(undo(client, do(client, zone, "create", "192.0.2.1"))) == (409, "unchanged")
    pending = client.post("/api/v1/dns/create", json=body(zone.name, "a")).json()["id"]
    assert refused(undo(client, pending)) == (409, "request_not_undoable")
    assert refused(undo(client, zone_free_id(done))) == (404, "request_unknown")
    assert undo(client, "nonsense").status_code == 422


def zone_free_id(request_id: str) -> str:
    """An id that no request has."""
    return request_id[:-4] + ("0000" if request_id[-4:] != "0000" else "ffff")


def test_a_zone_that_is_gone_or_has_rules(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    url = f"/api/v1/zones/{zone.name}"
    client.patch(url, json={"protected_names": ["www"]}).raise_for_status()
    answer = undo(client, done)
    assert answer.status_code == 422
    assert [reason["type"] for reason in answer.json()["detail"]] == ["name_protected"]
    client.delete(url).raise_for_status()
    assert refused(undo(client, done)) == (409, "zone_not_served")
    client.post("/api/v1/zones", json={"name": zone.name, "backend": "bind"}).raise_for_status()
    again = undo(client, done).json()["id"]  # nothing is recorded any more: the server decides
    settle(zone)
    assert fate(client, again) == "succeeded"


@pytest.mark.thorough
def test_an_idempotency_key(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    other = do(client, zone, "create", "192.0.2.1", record_type="A", domain=f"b.{zone.name}")
    key = {"headers": {"Idempotency-Key": "k1"}}
    first = undo(client, done, **key)
    settle(zone)
    again = undo(client, done, **key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert refused(undo(client, done, json={"comment": "else"}, **key)) == (409, "idempotency_key_reused")
    assert refused(undo(client, other, **key)) == (409, "idempotency_key_reused")


def test_two_at_once(client: TestClient, zone: ZoneUnderTest) -> None:
    """Only one is stored; with the same key it is the answer to all."""
    first, second = do(client, zone, "create", "192.0.2.1"), do(client, zone, "upsert", "192.0.2.2")
    with ThreadPoolExecutor(6) as pool:
        plain = list(pool.map(lambda _: undo(client, second), range(6)))
        settle(zone)
        key = {"Idempotency-Key": "k2"}
        with_key = list(pool.map(lambda _: undo(client, first, headers=key), range(6)))
    assert sorted(answer.status_code for answer in plain) == [202] + [409] * 5
    assert {refused(answer)[1] for answer in plain if answer.status_code == 409} == {"undone_already"}
    assert [answer.status_code for answer in with_key] == [202] * 6
    assert len({answer.json()["id"] for answer in with_key}) == 1
    assert count(client, zone) == 4


def test_after_a_lost_run_nobody_knows_what_was_there(client: TestClient, zone: ZoneUnderTest) -> None:
    """The next run finds what the lost one may have made: to restore that would take nothing back."""
    done = do(client, zone, "create", "192.0.2.1")
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET lost_runs = 1"))
    assert refused(undo(client, done)) == (409, "state_unknown")


def test_a_full_backlog_takes_no_undo(
    client: TestClient, zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    backlog = client.app.state.backlog  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        patched.setattr(backlog, "has_room", lambda *_: False)
        patched.setattr(backlog, "refusal", lambda *_: BacklogFull("open in all", 1))
        assert refused(undo(client, done)) == (503, "backlog_full")
    assert undo(client, done).status_code == 202


def test_all_that_is_wrong_is_said_at_once(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    headers = {"Idempotency-Key": "x" * 300}
    answer = undo(client, done, json={"who": 1, "comment": "a\x00"}, headers=headers)
    found = {(*reason["loc"], reason["type"]) for reason in answer.json()["detail"]}
    assert found == {
        ("header", "idempotency-key", "string_too_long"),
        ("body", "who", "extra_forbidden"),
        ("body", "comment", "string_pattern_mismatch"),
    }
    json = {"Content-Type": "application/json"}
    assert undo(client, done, content=b"{", headers=json).status_code == 422
    assert undo(client, done, content=b"[]", headers=json).status_code == 422
    assert undo(client, done, content=b"{}").status_code == 415
    assert count(client, zone) == 1


@pytest.mark.parametrize("kind", ["TXT", *map(thoroughly, ("SRV", "NS"))])
def test_values_of_every_kind(client: TestClient, zone: ZoneUnderTest, kind: str) -> None:
    """What is restored is the value that was there, whatever the request has said beside its own."""
    owner, old, new = {
        "TXT": ("t", '"a b" "c"', "d"),
        "SRV": ("_s._tcp", f"1 2 3 h.{zone.name}.", "h.example.org"),
        "NS": ("@", "ns9.example.org.", "ns8.example.org"),
    }[kind]
    zone.do("create", owner, kind, old)
    before = zone.answer(owner, kind)
    config = (
        {"priority": 7, "extra_config": {"weight": 8, "port": 9, "ticket": "c1"}} if kind == "SRV" else {}
    )
    name = zone.full(owner)
    done = do(client, zone, "upsert", new, record_type=kind, domain=name, config=config)
    found = undo(client, done).json()
    if kind == "SRV":
        assert found["resource"]["config"]["extra_config"] == {"ticket": "c1"}
    settle(zone)
    assert (fate(client, found["id"]), zone.answer(owner, kind)) == ("succeeded", before)


@pytest.mark.thorough
def test_an_undo_can_be_scheduled(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    later = {"json": {"context": {"not_before": "2099-01-01T00:00:00Z"}}}
    [reason] = undo(client, done, **later).json()["detail"]
    assert (reason["loc"], reason["type"]) == (["body", "context", "not_before"], "not_before_out_of_range")
    time = time_after(3_600)
    asked = {"json": {"context": {"not_before": time}}, "headers": {"Idempotency-Key": "later"}}
    first = undo(client, done, **asked)
    assert (first.status_code, first.json()["status"]) == (202, "scheduled")
    assert datetime.fromisoformat(first.json()["context"]["not_before"]) == datetime.fromisoformat(time)
    settle(zone)
    assert zone.values("www", "A") == {"192.0.2.1"}
    assert refused(undo(client, done)) == (409, "undone_already")
    again = undo(client, done, **asked)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = {**asked, "json": {"context": {"not_before": time_after(7_200)}}}
    assert refused(undo(client, done, **other)) == (409, "idempotency_key_reused")
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET not_before = now() WHERE status = 'scheduled'"))
    eventually(lambda: shown(client, first.json()["id"])["status"] == "pending")
    settle(zone)
    assert shown(client, first.json()["id"])["status"] == "succeeded"
    assert zone.values("www", "A") == set()


@pytest.mark.thorough
def test_a_rollback_can_be_scheduled(client: TestClient, zone: ZoneUnderTest) -> None:
    to = time_after(-60)
    do(client, zone, "create", "192.0.2.1")
    path = f"/api/v1/zones/{zone.name}/rollback"
    refusal = {"to": time_after(60), "context": {"not_before": "2099-01-01T00:00:00Z"}}
    types = [reason["type"] for reason in client.post(path, json=refusal).json()["detail"]]
    assert types == ["time_not_past", "not_before_out_of_range"]
    asked = {"to": to, "context": {"not_before": time_after(3_600)}}
    planned = client.post(path, json=asked).raise_for_status().json()
    applied = client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply").raise_for_status().json()
    assert [each["request"]["status"] for each in applied["results"]] == ["scheduled"]


def test_a_playbook_that_honours_no_conditions_gets_no_undo(client: TestClient, zone: ZoneUnderTest) -> None:
    done = do(client, zone, "create", "192.0.2.1")
    with transaction() as session:
        backends.publish(session, {"bind": frozenset({"group"})})
    [reason] = undo(client, done).json()["detail"]
    assert (reason["loc"], reason["type"]) == (["undo"], "not_honoured")
    assert count(client, zone) == 1


@pytest.mark.thorough
def test_values_that_may_not_be_together_come_back(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("upsert", "m", "MX", "0 .", "10 a.example.org.")
    before = zone.answer("m", "MX")
    assert len(before[1]) == 2
    done = do(client, zone, "upsert", "10 b.example.org", record_type="MX", domain=zone.full("m"))
    undone_by = undo(client, done).raise_for_status().json()["id"]
    settle(zone)
    assert (fate(client, undone_by), zone.answer("m", "MX")) == ("succeeded", before)


@pytest.mark.thorough
def test_a_change_that_an_undo_of_its_undo_has_brought_back(client: TestClient, zone: ZoneUnderTest) -> None:
    """It is in effect, so it can be undone; of the undos each second one is."""
    done = do(client, zone, "create", "192.0.2.1")
    first = undo(client, done).json()["id"]
    settle(zone)
    second = undo(client, first).json()["id"]
    told = undo(client, done)
    assert refused(told) == (409, "undone_already")  # the second has not brought it back yet
    assert f"{first} undoes this one already: it has succeeded; the request {second}" in told.json()["detail"]
    settle(zone)
    assert zone.values("www", "A") == {"192.0.2.1"}
    again = undo(client, done).json()["id"]
    assert shown(client, done)["undone_by"] == again
    settle(zone)
    assert (fate(client, again), zone.values("www", "A")) == ("succeeded", set())
    told = undo(client, done)
    assert refused(told) == (409, "undone_already")
    assert f"{again} undoes this one already: it has succeeded, and can be undone" in told.json()["detail"]
    assert refused(undo(client, second)) == (409, "undo_conflict")

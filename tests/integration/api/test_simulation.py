"""The API and the worker where neither an inventory nor a DNS server is set: changes are only simulated."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.core.logging import configure_logging
from app.runner import make_runner
from app.services.backends import publish_until
from app.services.drain.backends import InventoryBackends, make_backends
from app.services.drain.drain import drain
from app.services.drain.lease import hold_lease
from app.services.plan.answer import answer_orders_until
from app.store import backends
from tests.support.answers import codes
from tests.support.builders import body, time_after
from tests.support.eventually import eventually
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly

Logged = Callable[[], str]


@pytest.fixture
def bare(app_settings: object, monkeypatch: pytest.MonkeyPatch, set_settings: SetSettings) -> None:
    for name in ("INVENTORY", "DNS_SERVER", "EXECUTOR"):
        monkeypatch.delenv(name, raising=False)
    set_settings()


@pytest.fixture
def api(bare: None) -> TestClient:
    from app.main import app

    return TestClient(app)


@pytest.mark.thorough
def test_ptrs_are_kept_in_zones_that_are_made_up(api: TestClient) -> None:
    managed = body("example.com", config={"manage_ptr": True})
    with api:
        for action, target in (("create", ["www.example.com."]), ("delete", None)):
            api.post(f"/api/v1/dns/{action}", json=managed).raise_for_status()
            for zone in ("example.com", "2.0.192.in-addr.arpa"):
                drain(zone, make_runner(), make_backends())
            records = api.get("/api/v1/dns/records", params={"domain": "1.2.0.192.in-addr.arpa"}).json()
            assert [item["target"] for item in records["items"]] == ([target] if target else [])


def test_any_name_goes_all_the_way(api: TestClient, logged: Logged) -> None:
    with api:
        assert "changes are only simulated" in logged()
        assert api.get("/readyz").json()["executor"] == "simulated"
        accepted = api.post("/api/v1/dns/create", json=body("example.com")).json()
        assert accepted["zone"] == "example.com"
        drain("example.com", make_runner(), make_backends())
        request = api.get(f"/api/v1/dns/requests/{accepted['id']}").json()
        assert request["status"] == "succeeded"
        said = [event["message"] for event in request["events"]]
        assert any("simulated: nothing was sent to a DNS server" in message for message in said)
        [record] = api.get("/api/v1/dns/records", params={"domain": "www.example.com"}).json()["items"]
        assert record["target"] == ["192.0.2.1"]


@pytest.mark.thorough
def test_a_zone_that_was_made_up_is_served_with_its_settings(api: TestClient) -> None:
    with api:
        api.post("/api/v1/dns/create", json=body("example.com")).raise_for_status()
        api.patch("/api/v1/zones/example.com", json={"default_ttl": 60}).raise_for_status()
        served = {"name": "example.com", "backend": "ns1", "min_ttl": 30}
        zone = api.post("/api/v1/zones", json=served).raise_for_status().json()
        assert (zone["backend"], zone["default_ttl"], zone["min_ttl"]) == ("ns1", 60, 30)
        assert zone["set"] == ["default_ttl", "min_ttl"]


def test_a_zone_that_is_served_takes_its_names(api: TestClient) -> None:
    with api:
        api.post("/api/v1/zones", json={"name": "sub.example.com", "backend": "ns1"}).raise_for_status()
        items = [body("sub.example.com"), body("other.example.com"), body("example.com", "sub")]
        results = api.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
        zones = [result["request"]["zone"] for result in results]
        assert zones == ["sub.example.com", "example.com", "sub.example.com"]


def test_what_is_no_name_is_refused_all_the_same(api: TestClient) -> None:
    with api:
        assert codes(api.post("/api/v1/dns/create", json=body("example..com"))) == {"label_empty"}


@pytest.mark.parametrize(("name", "code"), [("com", "name_not_fqdn"), ("*.com", "zone_unknown")])
def test_nobody_has_the_zone_com(api: TestClient, name: str, code: str) -> None:
    sent = body("example.com")
    sent["resource"]["domain"] = name
    with api:
        assert codes(api.post("/api/v1/dns/create", json=sent)) == {code}
        assert api.get("/api/v1/zones").json() == {"items": []}


def test_what_no_server_does_fails_and_leaves_no_record(api: TestClient) -> None:
    alias = body("example.com", record_type="CNAME", target="a.example.com")
    with api:
        go_through(api, "example.com")
        refused = api.post("/api/v1/dns/create", json=alias).json()
        missing = api.post("/api/v1/dns/update", json=body("example.com", "new")).json()
        drain("example.com", make_runner(), make_backends())
        shown = [api.get(f"/api/v1/dns/requests/{each['id']}").json() for each in (refused, missing)]
        assert [each["error"]["code"] for each in shown] == ["cname_conflict", "rrset_missing"]
        assert [each["record_type"] for each in records_of(api, "example.com")] == ["A"]


@pytest.mark.thorough
def test_it_keeps_to_the_time_of_a_scheduled_request(api: TestClient) -> None:
    with api:
        asked = body("example.com", not_before=time_after(1))
        api.post("/api/v1/dns/create", json=asked).raise_for_status()
        drain("example.com", make_runner(), make_backends())
        assert request_of(api, "example.com")["status"] == "scheduled"
        eventually(lambda: request_of(api, "example.com")["status"] == "pending", 10)
        drain("example.com", make_runner(), make_backends())
        assert request_of(api, "example.com")["status"] == "succeeded"


def test_a_plan_makes_no_zone(api: TestClient) -> None:
    with api:
        answer = api.post("/api/v1/dns/plan", json={"requests": [body("example.com")]})
        assert answer.json()["results"][0]["change"]["zone"] == "example.com"
        assert api.get("/api/v1/zones").json() == {"items": []}


def test_a_plan_by_the_servers_says_that_none_was_asked(api: TestClient) -> None:
    stop = Event()
    worker = Thread(target=answer_orders_until, args=(stop,))
    sent = {"requests": [body("example.com"), body("example.com", action="delete")], "ask_servers": True}
    with api:
        worker.start()
        try:
            planned = api.post("/api/v1/dns/plan", json=sent).raise_for_status().json()
        finally:
            stop.set()
            worker.join()
        shown = api.get(f"/api/v1/dns/plans/{planned['plan_id']}", headers={"Accept": "text/plain"}).text
    forecasts = [each["forecast"] for each in planned["results"]]
    assert {each["by"] for each in forecasts} == {"simulation"}
    assert [each["outcome"] for each in forecasts] == ["would_be_sent", "would_be_sent"]
    assert {each["message"] for each in forecasts} == {"simulated: no DNS server was asked"}
    assert "2 to apply, 1 warning, by the simulation: no DNS server was asked; all or nothing." in shown


def request_of(api: TestClient, zone: str) -> dict[str, Any]:
    [request] = api.get("/api/v1/dns/requests", params={"zone": zone}).json()["items"]
    shown: dict[str, Any] = api.get(f"/api/v1/dns/requests/{request['id']}").json()
    return shown


def records_of(api: TestClient, zone: str) -> list[Any]:
    items: list[Any] = api.get("/api/v1/dns/records", params={"zone": zone}).json()["items"]
    return items


def go_through(api: TestClient, zone: str) -> None:
    api.post("/api/v1/dns/create", json=body(zone)).raise_for_status()
    drain(zone, make_runner(), make_backends())


def test_nothing_of_it_stays_when_there_are_real_servers(
    api: TestClient, set_settings: SetSettings, logged: Logged
) -> None:
    configure_logging("api")
    with api:
        api.post("/api/v1/zones", json={"name": "mine.test", "backend": "ns1"}).raise_for_status()
        for zone in ("settled.test", "mine.test"):
            go_through(api, zone)
        for zone in ("open.test", "mine.test"):
            api.post("/api/v1/dns/create", json=body(zone, "open")).raise_for_status()
    set_settings(EXECUTOR="ansible")
    logged()
    with api:
        words = logged()
        assert "what was only simulated is removed" in words
        assert '"zones": 2, "records": 2, "cancelled": 1,' in words
        assert [zone["name"] for zone in api.get("/api/v1/zones").json()["items"]] == ["mine.test"]
        assert codes(api.post("/api/v1/dns/create", json=body("settled.test"))) == {"zone_unknown"}
        assert records_of(api, "settled.test") == records_of(api, "mine.test") == []
        cancelled = request_of(api, "open.test")
        assert cancelled["status"] == "cancelled"
        assert "made up by the simulation" in cancelled["events"][-1]["message"]
        api.post("/api/v1/zones", json={"name": "open.test", "backend": "ns1"}).raise_for_status()
        api.post(f"/api/v1/dns/requests/{cancelled['id']}/retry").raise_for_status()
    with api:
        assert request_of(api, "open.test")["status"] == "pending"  # of a registered zone: it stays
        assert "what was only simulated" not in logged()


@pytest.mark.thorough
def test_what_a_simulating_worker_has_left_running_does_not_run_for_ever(
    api: TestClient, set_settings: SetSettings
) -> None:
    with api:
        api.post("/api/v1/dns/create", json=body("example.com")).raise_for_status()
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET status = 'running'"))
    set_settings(EXECUTOR="ansible")
    with api:
        assert request_of(api, "example.com")["status"] == "cancelled"
        assert api.get("/api/v1/zones").json()["items"] == []


def test_a_worker_with_an_inventory_ends_it_too(api: TestClient) -> None:
    with api:
        go_through(api, "example.com")
        stop = Event()
        stop.set()
        publish_until(stop, lambda: {"ns1": None})
        assert api.get("/api/v1/zones").json()["items"] == []
        assert records_of(api, "example.com") == []
        assert [each["name"] for each in api.get("/api/v1/backends").json()["items"]] == ["ns1"]


def test_a_zone_that_it_has_made_up_can_be_registered(api: TestClient) -> None:
    with api:
        for zone in ("added.test", "moved.test"):
            go_through(api, zone)
        api.post("/api/v1/dns/create", json=body("added.test", "open")).raise_for_status()
        added = api.post("/api/v1/zones", json={"name": "added.test", "backend": "ns1"})
        assert (added.status_code, added.json()["backend"]) == (201, "ns1")
        assert api.patch("/api/v1/zones/moved.test", json={"backend": "ns1"}).is_success
        assert records_of(api, "added.test") == records_of(api, "moved.test") == []
        pending = api.get("/api/v1/dns/requests", params={"zone": "added.test", "status": "pending"})
        assert len(pending.json()["items"]) == 1


def leave(zone: str) -> None:
    """Drain as a worker does that only simulates."""
    drain(zone, make_runner(), make_backends())


def test_a_zone_of_a_real_backend_is_left_alone(
    api: TestClient, set_settings: SetSettings, logged: Logged
) -> None:
    set_settings(EXECUTOR="ansible")  # the API; its worker lacks the inventory, and the setting
    with api:
        api.post("/api/v1/zones", json={"name": "real.test", "backend": "ns9"}).raise_for_status()
        api.post("/api/v1/dns/create", json=body("real.test")).raise_for_status()
        set_settings(EXECUTOR="auto")
        leave("real.test")
        assert "zones left alone: this worker only simulates" in logged()
        leave("real.test")
        assert "zones left alone" not in logged()  # said once
        request = request_of(api, "real.test")
        assert (request["status"], request["attempts"], len(request["events"])) == ("pending", 0, 1)
        with hold_lease("real.test", InventoryBackends(Path("/nowhere"))) as (lease, _):
            assert lease is not None  # it neither rests nor is held: a real worker has it at once


@pytest.mark.parametrize("executor", ["auto", thoroughly("simulated")])
def test_so_is_one_whose_backend_a_worker_has_found_in_its_inventory(
    api: TestClient, set_settings: SetSettings, executor: str
) -> None:
    with api:
        api.post("/api/v1/zones", json={"name": "real.test", "backend": "ns1"}).raise_for_status()
        api.post("/api/v1/dns/create", json=body("real.test")).raise_for_status()
        with transaction() as session:
            backends.publish(session, {"ns1": None})
            session.execute(text("UPDATE dns_backends SET seen_at = seen_at - interval '30 days'"))
        set_settings(EXECUTOR=executor)
        leave("real.test")
        assert request_of(api, "real.test")["status"] == "pending"


def test_an_api_that_nobody_told_of_the_real_servers_learns_of_them_from_a_worker(api: TestClient) -> None:
    with api:
        with transaction() as session:
            backends.publish(session, {"bind": None})
        assert codes(api.post("/api/v1/dns/create", json=body("example.com"))) == {"zone_unknown"}

"""The API and the worker where neither an inventory nor a DNS server is set: changes are only simulated."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.runner import make_runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.store import backends
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.settings import SetSettings

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


def test_a_plan_makes_no_zone(api: TestClient) -> None:
    with api:
        answer = api.post("/api/v1/dns/plan", json={"requests": [body("example.com")]})
        assert answer.json()["results"][0]["change"]["zone"] == "example.com"
        assert api.get("/api/v1/zones").json() == {"items": []}


def test_its_zones_go_when_there_are_real_servers(api: TestClient, set_settings: SetSettings) -> None:
    with api:
        api.post("/api/v1/zones", json={"name": "mine.test", "backend": "ns1"}).raise_for_status()
        for zone in ("settled.test", "open.test"):
            api.post("/api/v1/dns/create", json=body(zone)).raise_for_status()
        drain("settled.test", make_runner(), make_backends())
    set_settings(EXECUTOR="ansible")
    with api:
        assert [zone["name"] for zone in api.get("/api/v1/zones").json()["items"]] == [
            "mine.test",
            "open.test",
        ]
        assert codes(api.post("/api/v1/dns/create", json=body("settled.test"))) == {"zone_unknown"}
        assert api.get("/api/v1/dns/records", params={"zone": "settled.test"}).json()["items"] == []


def test_an_api_that_nobody_told_of_the_real_servers_learns_of_them_from_a_worker(api: TestClient) -> None:
    with api:
        with transaction() as session:
            backends.publish(session, ["bind"])
        assert codes(api.post("/api/v1/dns/create", json=body("example.com"))) == {"zone_unknown"}

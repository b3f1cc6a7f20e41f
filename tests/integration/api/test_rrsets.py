"""An RRset as a resource: read, put and deleted, and only as it was read where that is asked for."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.answers import codes
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest

WHO = {"context": {"account_id": "team-a"}}


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


class RRset:
    """The RRset that tests change."""

    def __init__(self, client: TestClient, zone: ZoneUnderTest) -> None:
        self._client, self._zone = client, zone
        self._path = f"/api/v1/zones/{zone.name}/rrsets/www/A"

    def get(self) -> Any:
        return self._client.get(self._path)

    def put(self, *values: str, **headers: str) -> Any:
        content = {**WHO, "resource": {"target": [*values], "config": {"ttl": 60}}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.put(self._path, json=content, headers=named)

    def delete(self, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.request("DELETE", self._path, json=WHO, headers=named)

    def settle(self, accepted: Any) -> Any:
        """Work off what was accepted; return the request."""
        assert accepted.status_code == 202, accepted.text
        drain(self._zone.name, ZoneRunner(self._zone), make_backends())
        return self._client.get(accepted.headers["location"]).json()


@pytest.fixture
def rrset(client: TestClient, zone: ZoneUnderTest) -> RRset:
    return RRset(client, zone)


def test_it_is_put_read_and_deleted_as_it_was_read(rrset: RRset, zone: ZoneUnderTest) -> None:
    assert (rrset.get().status_code, rrset.get().json()["code"]) == (404, "rrset_unknown")
    assert rrset.put("192.0.2.1", If_Match="*").json()["code"] == "precondition_failed"
    first = rrset.settle(rrset.put("192.0.2.1", "192.0.2.2", If_None_Match="*"))
    assert (first["status"], first["action"], first["zone"]) == ("succeeded", "upsert", zone.name)
    shown = rrset.get()
    assert (shown.json()["target"], shown.json()["ttl"]) == (["192.0.2.1", "192.0.2.2"], 60)
    etag = shown.headers["etag"]
    assert etag == f'"{shown.json()["etag"]}"'
    refused = rrset.put("192.0.2.3", If_None_Match="*")
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")

    # Somebody is faster, beside us: the server finds it.
    zone.do("upsert", "www", "A", "192.0.2.9", ttl=60)
    late = rrset.settle(rrset.put("192.0.2.3", If_Match=f'"another", {etag}'))
    assert (late["status"], late["error"]["code"]) == ("failed", "state_changed")
    assert zone.values("www", "A") == {"192.0.2.9"}

    assert rrset.settle(rrset.put("192.0.2.4"))["status"] == "succeeded"
    for stale in (rrset.put("192.0.2.5", If_Match=etag), rrset.delete(If_Match=etag)):
        assert stale.status_code == 412
    gone = rrset.settle(rrset.delete(If_Match=rrset.get().headers["etag"]))
    assert (gone["status"], gone["action"], zone.values("www", "A")) == ("succeeded", "delete", set())


def test_what_the_path_says_is_not_said_again(client: TestClient, zone: ZoneUnderTest) -> None:
    path = f"/api/v1/zones/{zone.name}/rrsets/www/A"
    resource = {"domain": "x", "record_type": "A", "target": "192.0.2.1"}
    assert codes(client.put(path, json={**WHO, "resource": resource})) == {"extra_forbidden"}
    assert codes(client.put(path, json={"resource": {"target": "192.0.2.1"}})) == {"missing"}  # who asks
    assert codes(client.put(path, json={**WHO, "resource": {"target": "no address"}})) == {"ipv4_invalid"}
    assert codes(client.put(path, json=[])) == {"model_type"}
    nowhere = client.put("/api/v1/zones/nowhere.test/rrsets/www/A", json={**WHO, "resource": {}})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "zone_unknown")
    outside = client.put(f"/api/v1/zones/{zone.name}/rrsets/a..b/A", json={**WHO, "resource": {}})
    assert codes(outside) == {"label_empty"}

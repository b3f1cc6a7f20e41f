"""The watcher on real servers: what is changed beside us is found, adopted and restored."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.zones.watch import Watcher
from stack.embedded import Stack
from tests.support.builders import body
from tests.support.watching import WatchedZone
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def watcher(client: TestClient) -> Iterator[Watcher]:
    """A watcher that looks when the test says so."""
    watcher = Watcher()
    yield watcher
    watcher.end()


@pytest.fixture
def beside(infrastructure: Stack, new_zone: str) -> ZoneUnderTest:
    """The zone as somebody changes it who has the key, too."""
    return ZoneUnderTest(infrastructure, new_zone)


@pytest.fixture
def zone(client: TestClient, new_zone: str, watcher: Watcher) -> WatchedZone:
    """A zone that is known as a whole."""
    return WatchedZone(client, new_zone, watcher)


@pytest.fixture
def change(client: TestClient, new_zone: str, beside: ZoneUnderTest) -> Callable[..., dict[str, Any]]:
    """Makes a change through us, to its end."""
    runner = ZoneRunner(beside)

    def make(action: str, owner: str, target: str, **fields: Any) -> dict[str, Any]:
        asked = body(new_zone, owner, target=target, **fields)
        answer = client.post(f"/api/v1/dns/{action}", json=asked).raise_for_status().json()
        drain(new_zone, runner, make_backends())
        found: dict[str, Any] = client.get(f"/api/v1/dns/requests/{answer['id']}").json()
        assert found["status"] == "succeeded", found
        return found

    return make


def test_what_is_changed_beside_us_is_shown_and_adopted(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest, change: Callable[..., dict[str, Any]]
) -> None:
    change("create", "ours", "192.0.2.1")
    change("create", "other", "192.0.2.1")
    zone.look()
    assert zone.kinds() == {}
    beside.do("create", "new", "TXT", '"not ours"')
    beside.do("upsert", "ours", "A", "192.0.2.9", ttl=60)
    beside.do("delete", "other", "A")
    zone.look()
    name = beside.name
    assert zone.kinds() == {
        f"new.{name} TXT": "added",
        f"ours.{name} A": "changed",
        f"other.{name} A": "missing",
    }
    [changed] = [item for item in zone.drift()["items"] if item["kind"] == "changed"]
    assert changed["recorded"] == {"ttl": 300, "target": ["192.0.2.1"]}
    assert changed["found"] == {"ttl": 60, "target": ["192.0.2.9"]}
    only = [{"domain": "ours", "record_type": "A"}]
    assert zone.post("adopt", rrsets=only).json()["adopted"] == 1
    assert zone.post("adopt").json()["adopted"] == 2
    assert zone.kinds() == {}
    assert zone.post("adopt").status_code == 409
    zone.look()
    assert zone.kinds() == {}
    records = client.get("/api/v1/dns/records", params={"zone": name}).json()["items"]
    assert {f"{item['domain']} {item['record_type']}" for item in records} == {
        f"{name} NS",
        f"new.{name} TXT",
        f"ours.{name} A",
    }


def test_what_was_changed_is_restored_by_requests(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest, change: Callable[..., dict[str, Any]]
) -> None:
    change("create", "ours", "192.0.2.1")
    change("create", "other", "192.0.2.1")
    beside.do("create", "new", "TXT", '"not ours"')
    beside.do("upsert", "ours", "A", "192.0.2.9", ttl=60)
    beside.do("delete", "other", "A")
    zone.look()
    before = zone.drift()["items"]
    answer = zone.post("restore", context={"reason": "it was not asked for"})
    assert answer.status_code == 202, answer.text
    items = answer.json()["items"]
    assert [item["errors"] for item in items] == [[], [], []]
    assert zone.post("restore").status_code == 409  # that is under way
    drain(beside.name, ZoneRunner(beside), make_backends())
    for item in items:
        request = client.get(f"/api/v1/dns/requests/{item['request_id']}").json()
        assert request["status"] == "succeeded", request
    assert beside.values("new", "TXT") == set()
    assert beside.answer("ours", "A") == (300, {"192.0.2.1"})
    assert beside.answer("other", "A") == (300, {"192.0.2.1"})
    zone.look()
    assert zone.kinds() == {}
    assert len(before) == 3


@pytest.mark.parametrize("policy", ["adopt", "restore"])
def test_the_zones_setting_says_what_becomes_of_it(
    policy: str,
    client: TestClient,
    zone: WatchedZone,
    beside: ZoneUnderTest,
    change: Callable[..., dict[str, Any]],
) -> None:
    client.patch(zone.url, json={"drift": policy}).raise_for_status()
    change("create", "ours", "192.0.2.1")
    beside.do("upsert", "ours", "A", "192.0.2.9")
    zone.look()
    drain(beside.name, ZoneRunner(beside), make_backends())
    zone.look()
    zone.look()
    assert zone.kinds() == {}
    kept = "192.0.2.9" if policy == "adopt" else "192.0.2.1"
    assert beside.values("ours", "A") == {kept}
    [record] = client.get("/api/v1/dns/records", params={"domain": f"ours.{beside.name}"}).json()["items"]
    assert record["target"] == [kept]
    requests = client.get("/api/v1/dns/requests", params={"zone": beside.name}).json()["items"]
    assert len(requests) == (1 if policy == "adopt" else 2)

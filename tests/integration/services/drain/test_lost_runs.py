"""A worker that dies takes no fate with it: the next one gives those that the order of acceptance gives."""

import pytest
from fastapi.testclient import TestClient

from app.services.drain import drain as drain_module
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import Died, ZoneRunner
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    """An empty zone that the API serves."""
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def accept(client: TestClient, zone: ZoneUnderTest, *changes: tuple[str, str | None]) -> list[str]:
    items = [body(zone.name, action=action, target=value) for action, value in changes]
    for item in items:
        item["resource"] = {name: value for name, value in item["resource"].items() if value is not None}
    answer = client.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    return [result["request"]["id"] for result in answer.json()["results"]]


def fate(client: TestClient, request_id: str) -> str:
    request = client.get(f"/api/v1/dns/requests/{request_id}").raise_for_status().json()
    return str(request["error"]["code"] if request["error"] else request["status"])


CASES = [
    thoroughly(
        [("update", "192.0.2.1"), ("create", "192.0.2.2")], ["rrset_missing", "succeeded"], {"192.0.2.2"}
    ),
    ([("update", "192.0.2.1"), ("upsert", "192.0.2.2")], ["rrset_missing", "succeeded"], {"192.0.2.2"}),
    thoroughly([("update", "192.0.2.1"), ("delete", None)], ["rrset_missing", "succeeded"], set()),
    ([("create", "192.0.2.1"), ("update", "192.0.2.2")], ["succeeded", "succeeded"], {"192.0.2.2"}),
    ([("delete", None), ("update", "192.0.2.2")], ["succeeded", "rrset_missing"], set()),
]


@pytest.mark.parametrize(("changes", "fates", "values"), CASES)
@pytest.mark.parametrize("when", ["never", "before the results", "after the results"])
def test_the_fates_are_those_of_the_order_whenever_the_worker_dies(
    client: TestClient,
    zone: ZoneUnderTest,
    monkeypatch: pytest.MonkeyPatch,
    changes: list[tuple[str, str | None]],
    fates: list[str],
    values: set[str],
    when: str,
) -> None:
    ids = accept(client, zone, *changes)
    runner = ZoneRunner(zone, dies=when == "before the results")
    with monkeypatch.context() as patched:
        if when == "after the results":

            def die(*_: object) -> None:
                raise Died

            patched.setattr(drain_module, "decide", die)
        try:
            drain(zone.name, runner, make_backends())
        except Died:
            assert {fate(client, each) for each in ids} == {"running"}
    drain(zone.name, runner, make_backends())
    assert [fate(client, each) for each in ids] == fates
    assert zone.values("www", "A") == values
    assert runner.runs == 1

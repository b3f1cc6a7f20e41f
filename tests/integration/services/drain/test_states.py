"""What was there before and after a request: from the results of its run to what the API shows."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.runner import make_runner
from app.runner.protocol import Run, RunEvent, RunResult
from app.services.drain import drain as drain_module
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.zone_runner import Died, ZoneRunner
from tests.support.zones import ZoneUnderTest

NOTHING: dict[str, Any] = {"ttl": None, "target": []}


class SilentRunner(ZoneRunner):
    """An operator's playbook: it does not say what was there before."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        result = super().run(run, on_event, cancel)
        silent = {key: replace(said, before=None) for key, said in result.results.items()}
        return replace(result, results=silent)


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def submit(client: TestClient, zone: str, *asked: tuple[str, list[str] | None]) -> list[str]:
    """Submit changes of www, each an action and a target; return their ids."""
    items = [body(zone, action=action, target=target) for action, target in asked]
    for item in items:
        item["resource"] = {name: value for name, value in item["resource"].items() if value is not None}
    answer = client.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    return [result["request"]["id"] for result in answer.json()["results"]]


def states(client: TestClient, ids: list[str]) -> list[tuple[Any, Any]]:
    found = [client.get(f"/api/v1/dns/requests/{each}").raise_for_status().json() for each in ids]
    return [(request["before"], request["after"]) for request in found]


def rrset(*targets: str, ttl: int = 300) -> dict[str, Any]:
    return {"ttl": ttl, "target": list(targets)}


ASKED: list[tuple[str, list[str] | None]] = [
    ("update", ["192.0.2.7"]),
    ("create", ["192.0.2.2"]),
    ("create", ["192.0.2.2"]),
    ("upsert", ["192.0.2.4", "192.0.2.3"]),
    ("delete", ["192.0.2.4"]),
]
ONE, TWO, BOTH = rrset("192.0.2.2"), rrset("192.0.2.3"), rrset("192.0.2.3", "192.0.2.4")
STATES = [(None, None), (NOTHING, ONE), (ONE, ONE), (ONE, BOTH), (BOTH, TWO)]


def test_each_request_of_a_batch_has_its_own(client: TestClient, zone: ZoneUnderTest) -> None:
    ids = submit(client, zone.name, *ASKED)
    assert states(client, ids) == [(None, None)] * 5
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert states(client, ids) == STATES
    ids = submit(client, zone.name, ("delete", None))
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert states(client, ids) == [(TWO, NOTHING)]


def test_they_survive_the_worker(
    client: TestClient, zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Died

    ids = submit(client, zone.name, *ASKED)
    runner = ZoneRunner(zone)
    with monkeypatch.context() as patched:
        patched.setattr(drain_module, "decide", die)
        with pytest.raises(Died):
            drain(zone.name, runner, make_backends())
    drain(zone.name, runner, make_backends())
    assert (states(client, ids), runner.runs) == (STATES, 1)


def test_where_the_playbook_does_not_say_the_records_do(client: TestClient, zone: ZoneUnderTest) -> None:
    first = submit(client, zone.name, ("create", ["192.0.2.2"]))
    drain(zone.name, SilentRunner(zone), make_backends())
    assert states(client, first) == [(None, ONE)]
    later = submit(client, zone.name, ("upsert", ["192.0.2.3", "192.0.2.4"]), ("delete", ["192.0.2.4"]))
    drain(zone.name, SilentRunner(zone), make_backends())
    assert states(client, later) == [(ONE, BOTH), (BOTH, TWO)]


def test_a_request_that_is_tried_again_has_none_until_it_is_settled(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    [failed] = submit(client, zone.name, ("update", ["192.0.2.3"]))
    drain(zone.name, ZoneRunner(zone), make_backends())
    client.post(f"/api/v1/dns/requests/{failed}/retry").raise_for_status()
    zone.do("create", "www", "A", "192.0.2.2")
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert states(client, [failed]) == [(ONE, TWO)]


def test_the_simulation_has_them(simulated: TestClient, new_zone: str) -> None:
    ids = submit(simulated, new_zone, *ASKED[1:])
    drain(new_zone, make_runner(), make_backends())
    assert states(simulated, ids) == STATES[1:]
    ids = submit(simulated, new_zone, ("delete", None))
    drain(new_zone, make_runner(), make_backends())
    assert states(simulated, ids) == [(TWO, NOTHING)]

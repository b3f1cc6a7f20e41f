"""What a primary takes and does not keep, without a word: found at once, by what it answers itself."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.runner.protocol import Run, RunEvent, RunResult
from app.services import database_clock, kicks
from app.services.database_clock import Reading
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.backends import Backends
from tests.support.builders import body
from tests.support.policies import powerdns_that_drops_txt, set_policy
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest

KEY = 'allow-update { key "orchestrator"; };'

Serve = Callable[[ZoneUnderTest], "Scene"]


class Scene:
    """A zone that is served, and a worker."""

    def __init__(self, client: TestClient, zone: ZoneUnderTest, backend: str) -> None:
        self.client, self.zone, self.runner = client, zone, ZoneRunner(zone)
        client.post("/api/v1/zones", json={"name": zone.name, "backend": backend}).raise_for_status()

    def submit(self, *items: dict[str, Any]) -> list[str]:
        answer = self.client.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
        return [result["request"]["id"] for result in answer.json()["results"]]

    def request(self, request_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1/dns/requests/{request_id}").json()
        return found

    def drain(self) -> float:
        """Drain the zone; return how many seconds that took."""
        make_backends().prepare()
        began = time.monotonic()
        drain(self.zone.name, self.runner, make_backends())
        return time.monotonic() - began

    def fates(self, ids: list[str]) -> list[str]:
        requests = map(self.request, ids)
        return [each["error"]["code"] if each["status"] == "failed" else each["status"] for each in requests]


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Backends:
    """The servers of all tests here."""
    return Backends(tmp_path_factory.mktemp("backends"))


@pytest.fixture
def serve(
    client: TestClient, backends: Backends, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> Serve:
    """Serves a zone, on the server that it is on; no other zone waits for the worker."""
    monkeypatch.setattr(kicks, "others_wait", lambda: False)

    def make(zone: ZoneUnderTest) -> Scene:
        backend = backends.name_of(zone)
        set_settings(INVENTORY=str(backends.inventory), PRIMARY_DEADLINE="0.6")
        return Scene(client, zone, backend)

    return make


def with_ttl(zone: str, owner: str, ttl: int, **fields: Any) -> dict[str, Any]:
    return body(zone, owner, action="upsert", config={"ttl": ttl}, **fields)


@pytest.mark.thorough
def test_a_ttl_that_bind_lowers(serve: Serve, zone_on: ZoneOn, infrastructure: Stack) -> None:
    zone = zone_on("bind")
    set_policy(infrastructure, zone.name, f"{KEY} max-zone-ttl 300")
    scene = serve(zone)
    ids = scene.submit(with_ttl(zone.name, "long", 3600), with_ttl(zone.name, "short", 60))
    assert scene.drain() < 30  # and not VERIFY_DEADLINE
    assert scene.fates(ids) == ["ttl_not_kept", "succeeded"]
    lowered, kept = map(scene.request, ids)
    assert "the TTL is 300, not 3600" in lowered["error"]["message"]
    assert kept["finished_at"] < lowered["finished_at"]
    (record,) = scene.client.get("/api/v1/dns/records", params={"domain": f"long.{zone.name}"}).json()[
        "items"
    ]
    assert record["ttl"] == 300


def test_what_a_policy_of_bind_drops(serve: Serve, zone_on: ZoneOn, infrastructure: Stack) -> None:
    zone = zone_on("bind")
    set_policy(infrastructure, zone.name, "update-policy { grant orchestrator zonesub A(1) AAAA; }")
    scene = serve(zone)
    two = [body(zone.name, "www", action="create", target=f"192.0.2.{number}") for number in (1, 2)]
    ids = scene.submit(
        *two, body(zone.name, "www", record_type="AAAA", target="2001:db8::1", action="create")
    )
    assert scene.drain() < 30  # and not VERIFY_DEADLINE
    assert sorted(scene.fates(ids)[:2]) == ["not_kept", "succeeded"]
    assert scene.fates(ids)[2] == "succeeded"
    assert len(zone.values("www", "A")) == 1


@pytest.mark.thorough
def test_what_a_policy_of_powerdns_drops(serve: Serve, tmp_path: Path) -> None:
    with powerdns_that_drops_txt(tmp_path) as stack:
        stack.add_zone("policy.test", "powerdns")
        scene = serve(ZoneUnderTest(stack, "policy.test", "powerdns"))
        text = body("policy.test", "www", record_type="TXT", target="x", action="create")
        ids = scene.submit(body("policy.test", "www", action="create"), text)
        assert scene.drain() < 30  # and not VERIFY_DEADLINE
        assert scene.fates(ids) == ["succeeded", "not_kept"]


class LateRunner(ZoneRunner):
    """The server shows what it has taken after half a second, as one does that answers from a cache."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        result = super().run(run, on_event, cancel)
        names = [change.name.partition(".")[0] for change in run.changes]
        for name in names:
            self._zone.do("delete", name, "A")
        later = Timer(0.3, lambda: [self._zone.do("create", name, "A", "192.0.2.1") for name in names])
        later.start()
        return result


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "api"))])
def test_what_is_there_a_moment_later_is_kept(
    serve: Serve, zone_on: ZoneOn, server: str, set_settings: SetSettings
) -> None:
    scene = serve(zone_on(server))
    set_settings(PRIMARY_DEADLINE="10")  # a moment can be long on a busy machine
    scene.runner = LateRunner(scene.zone)
    ids = scene.submit(body(scene.zone.name, "a", action="create"))
    scene.drain()
    assert scene.fates(ids) == ["succeeded"]
    assert [event["status"] for event in scene.request(ids[0])["events"]].count("verifying") == 1


class Dropping(ZoneRunner):
    """The server drops one name that it has taken."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        result = super().run(run, on_event, cancel)
        self._zone.do("delete", "gone", "A")
        return result


@pytest.mark.parametrize("server", [thoroughly("knot"), "api"])
def test_what_is_gone_at_once_is_not(serve: Serve, zone_on: ZoneOn, server: str) -> None:
    scene = serve(zone_on(server))

    scene.runner = Dropping(scene.zone)
    ids = scene.submit(*(body(scene.zone.name, owner, action="create") for owner in ("gone", "there")))
    assert scene.drain() < 30  # and not VERIFY_DEADLINE
    assert scene.fates(ids) == ["not_kept", "succeeded"]


SET_FORWARD = text(
    "UPDATE dns_requests SET started_at = started_at - interval '1 hour',"
    " verify_by = verify_by - interval '1 hour', check_at = now()"
)


def test_no_deadline_is_over_because_the_clock_was_set(
    serve: Serve, zone_on: ZoneOn, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = serve(zone_on("bind"))
    set_settings(PRIMARY_DEADLINE="60")
    monkeypatch.setattr(kicks, "others_wait", lambda: True)
    monkeypatch.setattr(database_clock, "seen", bytearray(database_clock.seen))
    scene.runner = Dropping(scene.zone)
    ids = scene.submit(body(scene.zone.name, "gone", action="create"))
    scene.drain()
    database_clock.note(Reading.of(time.time() - 3_600, time.monotonic()))
    for fate in ("verifying", "not_kept"):
        with transaction() as session:
            session.execute(SET_FORWARD)
        scene.drain()
        assert scene.fates(ids) == [fate]
        nothing = bytearray(len(database_clock.seen))  # is known of a clock
        monkeypatch.setattr(database_clock, "seen", nothing)


def test_others_of_the_zone_do_not_wait(serve: Serve, zone_on: ZoneOn, infrastructure: Stack) -> None:
    zone = zone_on("bind")
    set_policy(infrastructure, zone.name, f"{KEY} max-zone-ttl 300")
    scene = serve(zone)
    (lowered,) = scene.submit(with_ttl(zone.name, "long", 3600))
    submitted: list[str] = []
    later = Timer(0.3, lambda: submitted.extend(scene.submit(with_ttl(zone.name, "next", 60))))
    later.start()
    scene.drain()
    later.join()
    assert scene.fates([lowered, *submitted]) == ["ttl_not_kept", "succeeded"]
    assert scene.request(submitted[0])["finished_at"] < scene.request(lowered)["finished_at"]

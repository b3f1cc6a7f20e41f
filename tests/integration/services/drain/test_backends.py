"""What a backend's troubles cost its zones: the real store, and a playbook that only says what came of it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.config import Settings, settings
from app.core.database import transaction
from app.core.redis import redis
from app.domain.change import ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain as drain_with
from app.services.drain.lease import hold_lease
from app.services.kicks import KICKED
from app.store import backends, leases
from tests.support.locks import until_someone_waits

AWAY = ChangeResult(Outcome.FAILED, "server_unreachable", "connection refused")
APPLIED = ChangeResult(Outcome.APPLIED)


class Says:
    """A runner whose playbook says the same of every change."""

    def __init__(self, result: ChangeResult) -> None:
        self.runs: list[Run] = []
        self._result = result

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        self.runs.append(run)
        return RunResult(rc=0, results={change.request_id: self._result for change in run.changes})


@pytest.fixture
def simulated(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The API, and a worker that takes the run's word for it."""
    monkeypatch.setenv("EXECUTOR", "simulated")
    settings.cache_clear()
    yield client
    settings.cache_clear()


@pytest.fixture
def one_run_at_a_time(
    client: TestClient, app_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TestClient:
    """The API, and an inventory that limits its backend to a single run."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("dns: {hosts: {bind: {dns_server: 127.0.0.1, dns_port: 9, dns_max_runs: 1}}}\n")
    monkeypatch.setenv("INVENTORY", str(inventory))
    settings.cache_clear()
    return client


def ask_for(api: TestClient, *names: str) -> None:
    for name in names:
        resource = {"record_type": "A", "domain": name, "target": "192.0.2.1"}
        sent = {"context": {"account_id": "tests"}, "resource": resource}
        api.post("/api/v1/dns/create", json=sent).raise_for_status()


def serve(api: TestClient, *names: str) -> None:
    for name in names:
        api.post("/api/v1/zones", json={"name": name, "backend": "bind"}).raise_for_status()


def was_away(session: Session) -> None:
    session.execute(text("INSERT INTO dns_backends (name, failures, paused_until) VALUES ('bind', 3, now())"))


def backend() -> Any:
    with transaction() as session:
        return session.execute(text("SELECT * FROM dns_backends WHERE name = 'bind'")).one()


def drain(zone: str, runner: Says) -> None:
    drain_with(zone, runner, make_backends())


def kicked(zone: str) -> bool:
    return bool(redis().exists(KICKED.format(zone=zone)))


def test_one_outage_is_one_failure_however_many_zones_meet_it(simulated: TestClient, new_zone: str) -> None:
    with transaction() as session:
        backends.rest(session, "bind", 60)
        backends.rest(session, "bind", 60)
    assert backend().failures == 1


def test_asking_the_servers_again_does_not_prove_that_the_backend_is_back(
    simulated: TestClient, new_zone: str
) -> None:
    ask_for(simulated, f"www.{new_zone}")
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET status = 'verifying', check_at = now()"))
        was_away(session)
    drain(new_zone, Says(APPLIED))
    assert backend().failures == 3  # another zone may find out
    ask_for(simulated, f"next.{new_zone}")
    drain(new_zone, Says(APPLIED))
    assert backend().failures == 0


def test_a_probe_is_one_request(simulated: TestClient, new_zone: str) -> None:
    ask_for(simulated, f"a.{new_zone}", f"b.{new_zone}", f"c.{new_zone}")
    with transaction() as session:
        was_away(session)
    probe = Says(AWAY)
    drain(new_zone, probe)
    assert [len(run.changes) for run in probe.runs] == [1]
    assert backend().failures == 4


def test_one_zone_probes_for_as_long_as_it_is_held(simulated: TestClient, new_zone: str) -> None:
    serve(simulated, "other.test")
    ask_for(simulated, "www.other.test")
    with transaction() as session:
        was_away(session)
    with hold_lease(new_zone, make_backends()) as (probe, _):
        assert probe is not None
        assert probe.probe
        with transaction() as session:
            session.execute(text("UPDATE dns_zone_leases SET expires_at = expires_at + interval '1 hour'"))
            assert not leases.has_work(session, "other.test")
        with hold_lease("other.test", make_backends()) as (other, _):
            assert other is None
        simulated.patch(f"/api/v1/zones/{new_zone}", json={"backend": "another"}).raise_for_status()
        with transaction() as session:
            assert leases.has_work(session, "other.test")
    with transaction() as session:
        assert leases.has_work(session, "other.test")
    with hold_lease("other.test", make_backends()) as (other, _):
        assert other is not None
        assert other.probe


def test_a_zone_that_waits_for_its_backend_is_woken_when_a_run_ends(
    one_run_at_a_time: TestClient, new_zone: str
) -> None:
    serve(one_run_at_a_time, "busy.test")
    ask_for(one_run_at_a_time, f"www.{new_zone}")
    with hold_lease("busy.test", make_backends()) as (lease, _):
        assert lease is not None
        drain(new_zone, Says(AWAY))
        assert not kicked(new_zone)  # or workers would do nothing else until that run ends
    drain("busy.test", Says(AWAY))
    assert kicked(new_zone)


def test_settling_and_claiming_lock_in_the_same_order(client: TestClient, new_zone: str) -> None:
    with transaction() as session:
        was_away(session)
        lease = leases.acquire(session, new_zone, "a worker", 30)
    assert lease is not None

    def claim() -> None:
        with suppress(Exception), hold_lease(new_zone, make_backends()):
            pass

    other = Thread(target=claim)
    with transaction() as session:
        leases.check(session, lease)
        other.start()
        until_someone_waits()
        session.execute(text("SET LOCAL lock_timeout = '500ms'"))
        backends.rest(session, "bind", 1)
    other.join()

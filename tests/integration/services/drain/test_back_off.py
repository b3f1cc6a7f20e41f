"""A back-off begins anew when something has got through, and for no other reason."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.backoff import Backoff
from app.core.config import settings
from app.core.database import transaction
from app.domain.errors import UnknownBackend
from app.domain.lifecycle import Status
from app.domain.retry_policy import REST_JITTER, Scope
from app.domain.settlement import Decision, Fault
from app.services.drain.rest import rest_or_go_on
from app.services.kicks import sweep, tend
from app.store import backends, leases
from app.store.backends import Admission
from app.store.leases import Lease
from tests.support.builders import body
from tests.support.settings import SetSettings
from tests.support.thoroughly import examples

STEPS = 90
PAUSES = text(
    """
    SELECT coalesce(lease.failures, 0) AS of_zone, coalesce(backend.failures, 0) AS of_backend,
           greatest(0, extract(epoch FROM lease.paused_until - clock_timestamp())) AS zone_rests,
           greatest(0, extract(epoch FROM backend.paused_until - clock_timestamp())) AS backend_rests
      FROM dns_zones AS zone LEFT JOIN dns_zone_leases AS lease ON lease.zone = zone.name
      LEFT JOIN dns_backends AS backend ON backend.name = zone.backend
     WHERE zone.name = :zone
    """
)


@dataclass
class Failures:
    """How often in a row a zone and its backend have failed, as they should be counted."""

    of_zone: int = 0
    of_backend: int = 0


@dataclass
class World:
    """A zone of which one request has failed, and what may happen to it."""

    client: TestClient
    zone: str
    failed: str
    counted: Failures

    def time_passes(self) -> None:
        with transaction() as session:
            for table in ("dns_zone_leases", "dns_backends"):
                session.execute(text(f"UPDATE {table} SET paused_until = now() - interval '1 s'"))

    def zone_fails(self) -> None:
        self._end_run(Fault(Scope.ZONE, "zone_failed", "SERVFAIL"))

    def backend_fails(self) -> None:
        self._end_run(Fault(Scope.BACKEND, "server_unreachable", "connection refused"))

    def backend_is_unknown(self) -> None:
        self._end_run(Fault(Scope.BACKEND, UnknownBackend.code, "no such host"))

    def run_is_stopped(self) -> None:
        self._end_run(None, sent=False)

    def run_gets_through(self) -> None:
        self._end_run(None)

    def one_is_retried(self) -> None:
        with transaction() as session:
            failed = "UPDATE dns_requests SET status = 'failed', error_code = 'refused', finished_at = now()"
            session.execute(text(failed))
        self.client.post(f"/api/v1/dns/requests/{self.failed}/retry").raise_for_status()

    def many_are_retried(self) -> None:
        self.one_is_retried()
        self.client.post("/api/v1/dns/requests/retry", json={"zone": self.zone}).raise_for_status()

    def one_is_cancelled(self) -> None:
        self.client.post(f"/api/v1/dns/requests/{self.failed}/cancel")

    def a_worker_starts(self) -> None:
        with transaction() as session:
            backends.publish(session, {"bind": None})

    def it_is_swept(self) -> None:
        sweep()
        tend()

    def _end_run(self, fault: Fault | None, *, sent: bool = True) -> None:
        """Drain the zone, if it may be, with a run that ends so."""
        with transaction() as session:
            lease = leases.acquire(session, self.zone, "a worker", 30)
            admission = backends.admit(session, "bind", self.zone, None) if lease else Admission.NOT_NOW
            if lease is None or admission is Admission.NOT_NOW:
                session.rollback()
                return
            lease = replace(lease, probe=admission is Admission.PROBE)
            status = Status.SUCCEEDED if fault is None and sent else Status.PENDING
            request = UUID(self.failed)
            decision = Decision(status, "said", "told", fault=fault)
            rest_or_go_on(session, lease, {request: decision}, [request] if sent else [])
            leases.release(session, lease)
        self._count(lease, fault, sent=sent)

    def _count(self, lease: Lease, fault: Fault | None, *, sent: bool) -> None:
        if fault is not None and fault.scope is Scope.ZONE:
            self.counted.of_zone += 1
        elif fault is not None:
            self.counted.of_backend += 1
        elif sent:
            self.counted.of_zone = 0
            self.counted.of_backend = 0 if lease.probe else self.counted.of_backend

    def look(self) -> None:
        with transaction() as session:
            found = session.execute(PAUSES, {"zone": self.zone}).one()
        assert (found.of_zone, found.of_backend) == (self.counted.of_zone, self.counted.of_backend)
        full = Backoff(settings().retry_pause, settings().retry_pause_max)
        for failures, rests in ((found.of_zone, found.zone_rests), (found.of_backend, found.backend_rests)):
            assert float(rests) <= (full.pause(failures - 1) if failures else 0)


@pytest.mark.parametrize("seed", range(examples(1)))
def test_nothing_but_what_gets_through_resets_a_back_off(
    client: TestClient, new_zone: str, seed: int
) -> None:
    answer = client.post("/api/v1/dns/create", json=body(new_zone)).raise_for_status()
    world, chance = World(client, new_zone, answer.json()["id"], Failures()), random.Random(seed)
    often: list[Callable[[], None]] = [world.time_passes, world.zone_fails, world.backend_fails]
    rarely = [
        world.backend_is_unknown,
        world.run_is_stopped,
        world.one_is_retried,
        world.many_are_retried,
        world.one_is_cancelled,
        world.a_worker_starts,
        world.it_is_swept,
    ]
    most = Failures()
    for _ in range(STEPS):
        step = world.run_gets_through if chance.random() < 0.03 else chance.choice([*often * 3, *rarely])
        step()
        world.look()
        most.of_zone = max(most.of_zone, world.counted.of_zone)
        most.of_backend = max(most.of_backend, world.counted.of_backend)
    assert most.of_zone > 1
    assert most.of_backend > 1
    world.time_passes()
    world.run_gets_through()
    world.look()
    assert world.counted == Failures()


def test_a_pause_is_as_long_as_the_failures_say(
    client: TestClient, set_settings: SetSettings, new_zone: str
) -> None:
    set_settings(RETRY_PAUSE="1000", RETRY_PAUSE_MAX="9000")
    answer = client.post("/api/v1/dns/create", json=body(new_zone)).raise_for_status()
    world = World(client, new_zone, answer.json()["id"], Failures())
    for failures in range(3):
        world.time_passes()
        world.many_are_retried()
        world.backend_fails()
        with transaction() as session:
            rests = session.execute(PAUSES, {"zone": new_zone}).one().backend_rests
        longest = settings().retry_pause * 2**failures
        assert (1 - REST_JITTER) * longest - 100 < float(rests) <= longest

"""Who may work on a zone, and for how long."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.core import database
from app.core.config import Settings
from app.core.database import transaction
from app.services import database_clock
from app.services.database_clock import Reading
from app.services.drain.backends import make_backends
from app.services.drain.lease import hold_lease
from app.store import backends, due, leases
from tests.support.builders import body
from tests.support.faults import NO_CONNECTION
from tests.support.locks import wait_for_blocked_transaction
from tests.support.settings import SetSettings

LEASE = 1.5  # seconds


class Proxy:
    """A proxy in front of PostgreSQL that can stop forwarding while its connections stay open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.forwarding = Event()
        self.forwarding.set()
        Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self.forwarding.set()
        for sock in [self._listener, *self._open]:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self.forwarding.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def proxy(app_settings: Settings, set_settings: SetSettings) -> Iterator[Proxy]:
    """The proxy through which the app reaches its database."""
    database.upgrade()
    database.engine().dispose()
    direct = make_url(app_settings.database_url.get_secret_value())
    assert direct.host
    with closing(Proxy(direct.host, direct.port or 5432)) as made:
        url = direct.set(host="127.0.0.1", port=made.port)
        set_settings(DATABASE_URL=url.render_as_string(hide_password=False), LEASE=str(LEASE))
        database.cached_engine.cache_clear()
        yield made
        database.engine().dispose()


def test_a_worker_that_is_cut_off_knows_it_before_its_lease_runs_out(proxy: Proxy) -> None:
    with hold_lease("example.test", make_backends()) as (lease, lost):
        assert lease is not None
        assert not lost.wait(1.5 * LEASE)  # the lease is renewed meanwhile
        proxy.forwarding.clear()
        noticed = lost.wait(LEASE)
        proxy.forwarding.set()
        assert noticed


def test_a_worker_whose_zone_was_taken_over_knows_it_with_its_next_heartbeat(proxy: Proxy) -> None:
    with hold_lease("example.test", make_backends()) as (lease, lost):
        assert lease is not None
        with transaction() as session:
            session.execute(text("UPDATE dns_zone_leases SET token = token + 1"))
        assert lost.wait(0.7 * LEASE)  # the alarm would come later


def test_a_lease_that_a_set_clock_has_ended_is_not_taken_over_at_once(
    app_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder may be alive: it finds out by its next heartbeat."""
    database.upgrade()
    monkeypatch.setattr(database_clock, "seen", bytearray(len(database_clock.seen)))
    with transaction() as session:
        for zone, ago in (("held.test", 3_590), ("idle.test", 3_700)):
            assert leases.acquire(session, zone, "another", -ago)
    jumped = Reading.of(time.time() - 3_600, time.monotonic())
    database_clock.note(jumped)  # so the next look finds that the clock is ahead by an hour
    for zone, is_free in (("held.test", False), ("idle.test", True)):
        with hold_lease(zone, make_backends()) as (lease, _):
            assert (lease is not None) is is_free


@pytest.mark.usefixtures("backend_was_away")
def test_one_zone_probes_for_as_long_as_it_is_held(simulated: TestClient, new_zone: str) -> None:
    served = {"name": "other.test", "backend": "bind"}
    simulated.post("/api/v1/zones", json=served).raise_for_status()
    simulated.post("/api/v1/dns/create", json=body("other.test")).raise_for_status()
    with hold_lease(new_zone, make_backends()) as (probe, _):
        assert probe is not None
        assert probe.probe
        with transaction() as session:
            session.execute(text("UPDATE dns_zone_leases SET expires_at = expires_at + interval '1 hour'"))
            assert not due.has_work(session, "other.test")
        with hold_lease("other.test", make_backends()) as (other, _):
            assert other is None
        simulated.patch(f"/api/v1/zones/{new_zone}", json={"backend": "another"}).raise_for_status()
        with transaction() as session:
            assert due.has_work(session, "other.test")
    with transaction() as session:
        assert due.has_work(session, "other.test")
    with hold_lease("other.test", make_backends()) as (other, _):
        assert other is not None
        assert other.probe


@pytest.mark.usefixtures("backend_was_away")
def test_settling_and_claiming_lock_in_the_same_order(client: TestClient, new_zone: str) -> None:
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "a worker", 0)
    assert lease is not None

    def claim() -> None:
        with suppress(Exception), hold_lease(new_zone, make_backends()):
            pass

    other = Thread(target=claim)
    with transaction() as session:
        leases.check(session, lease)
        other.start()
        wait_for_blocked_transaction()
        session.execute(text("SET LOCAL lock_timeout = '500ms'"))
        backends.rest(session, "bind", 1, NO_CONNECTION)
    other.join()

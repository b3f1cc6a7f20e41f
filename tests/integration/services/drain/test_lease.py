"""Who may work on a zone, and for how long."""

import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread

import pytest
from sqlalchemy.engine import make_url

from app.core import database
from app.core.config import Settings, settings
from app.services.drain.backends import make_backends
from app.services.drain.lease import hold_lease

LEASE = 1.5  # seconds


class Wire:
    """A line to PostgreSQL that can go dead: the connections stay, and nothing comes through any more."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.alive = Event()
        self.alive.set()
        Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self.alive.set()
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
                self.alive.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def wire(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The app's line to its database."""
    database.upgrade()
    database.engine().dispose()
    direct = make_url(app_settings.database_url.get_secret_value())
    assert direct.host
    with closing(Wire(direct.host, direct.port or 5432)) as line:
        url = direct.set(host="127.0.0.1", port=line.port)
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        monkeypatch.setenv("LEASE", str(LEASE))
        settings.cache_clear()
        database.engine.cache_clear()
        yield line
        database.engine().dispose()


def test_a_worker_that_is_cut_off_knows_it_before_its_claim_runs_out(wire: Wire) -> None:
    with hold_lease("example.test", make_backends()) as (lease, lost):
        assert lease is not None
        assert not lost.wait(1.5 * LEASE)  # it is renewed all the while
        wire.alive.clear()
        noticed = lost.wait(LEASE)
        wire.alive.set()
        assert noticed

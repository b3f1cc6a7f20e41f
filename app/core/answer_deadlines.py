"""Deadlines for PostgreSQL's answers: a server that has stopped keeps its connections open and says nothing.

Neither libpq nor the server has a time limit that covers this: `statement_timeout` needs a server that runs,
TCP's limits a machine that is away. So whoever waits too long finds the connection closed.
"""

import os
import socket
import time
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.logging import get_logger

log = get_logger(__name__)

_CHECK_INTERVAL = 0.25  # seconds


class _Watchdog:
    """Closes the sockets of connections that are in use past their deadlines."""

    def __init__(self) -> None:
        self._deadlines: dict[ConnectionPoolEntry, float] = {}  # of the connections that are in use
        self._starting = Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="answer deadlines", daemon=True)
                self._thread.start()

    def watch(self, engine: Engine, seconds: float) -> None:
        def taken(_: Any, entry: ConnectionPoolEntry, __: Any) -> None:
            self._deadlines[entry] = time.monotonic() + seconds

        def given_back(_: Any, entry: ConnectionPoolEntry) -> None:
            self._deadlines.pop(entry, None)

        event.listen(engine, "checkout", taken)
        event.listen(engine, "checkin", given_back)

    def _run(self) -> None:
        while True:
            time.sleep(_CHECK_INTERVAL)
            now = time.monotonic()
            for entry, deadline in list(self._deadlines.items()):
                if deadline < now and self._deadlines.pop(entry, None) is not None:
                    _close_socket(entry)


_watchdog = _Watchdog()


def watch_answers(engine: Engine, seconds: float | None) -> None:
    """Bound how long a connection of this pool may be in use; it counts once the limits are enforced."""
    if seconds is not None:
        _watchdog.watch(engine, seconds)


def enforce_answer_deadlines() -> None:
    """Enforce the limits in this process. An API does: a client can be told to try again."""
    _watchdog.start()


def _close_socket(entry: ConnectionPoolEntry) -> None:
    """Make whoever waits for this connection's answer find it closed."""
    log.error("the database does not answer in time; the connection is given up")
    with suppress(Exception):  # it may have been closed meanwhile
        connection: Any = entry.driver_connection
        with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)

"""The fork server's loop: it waits for jobs, and forks for each."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from select import POLLIN, poll
from typing import NamedTuple

from .order import BUSY, same_user

LOOK = 1.0  # seconds between looks at the socket's file
_BACKLOG = 512  # connections that may wait to be taken


class Limits(NamedTuple):
    """How much at once, and how long."""

    jobs: int  # running at once; more are told to come again
    idle: float  # seconds without a job after which the server goes


class Server:
    """Listens on a socket that only this user can reach.

    The socket's file is the server's licence: whoever removes it, ends the server. So does the end of the
    owner, a process. Jobs that run are not touched by that: each has a reaper of its own.
    """

    def __init__(self, path: Path, owner: int, limits: Limits) -> None:
        """Listen. Raises OSError, also when the owner is gone."""
        self._path = path
        self._limits = limits
        self._owner = os.pidfd_open(owner)
        self._jobs: dict[int, int] = {}  # the descriptor that tells of its end: the process
        self._last = time.monotonic()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._poll = poll()
        self._poll.register(self._owner, POLLIN)
        self._poll.register(self._listener, POLLIN)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._inode = path.stat().st_ino
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)

    def close(self) -> None:
        """Close everything; in a fork this does not touch the server."""
        self._listener.close()
        for descriptor in (self._owner, *self._jobs):
            os.close(descriptor)

    def next_job(self) -> socket.socket | None:
        """Return a job's connection, in a fork of its own for each job; None when the server shall go."""
        while self._wanted():
            for descriptor, _ in self._poll.poll(LOOK * 1000):
                if descriptor in self._jobs:
                    self._collect(descriptor)
                elif descriptor == self._listener.fileno() and (connection := self._take()):
                    return connection
        self._withdraw()
        return self._take()

    def owner_is_gone(self) -> bool:
        """Whether the process has ended that the server is for."""
        return any(descriptor == self._owner for descriptor, _ in self._poll.poll(0))

    def _wanted(self) -> bool:
        if not self._jobs and time.monotonic() - self._last > self._limits.idle:
            return False
        return self._licensed() and not self.owner_is_gone()

    def _licensed(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _withdraw(self) -> None:
        if self._licensed():
            self._path.unlink(missing_ok=True)

    def _take(self) -> socket.socket | None:
        """Take all who wait; return the connection in the fork for it, None in the server."""
        while connection := self._accept():
            if not same_user(connection):
                connection.close()
            elif len(self._jobs) >= self._limits.jobs:
                _send_away(connection)
            elif self._fork(connection):
                return connection
        return None

    def _accept(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except OSError:  # nobody, or gone again
            return None

    def _fork(self, connection: socket.socket) -> bool:
        """Fork for a job; return whether this is the fork."""
        child = os.fork()
        if child == 0:
            return True
        connection.close()
        ended = os.pidfd_open(child)
        self._jobs[ended] = child
        self._poll.register(ended, POLLIN)
        self._last = time.monotonic()
        return False

    def _collect(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        os.waitpid(self._jobs.pop(descriptor), 0)
        os.close(descriptor)
        self._last = time.monotonic()


def _send_away(connection: socket.socket) -> None:
    connection.setblocking(False)
    with connection, suppress(OSError):
        connection.send(BUSY)

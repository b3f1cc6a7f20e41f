"""The fork server's loop: it waits for jobs, and has a fork for each."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from select import POLLIN, poll
from typing import NamedTuple

from .protocol import BUSY, same_user

LOOK = 1.0  # seconds between looks at the socket's file
REST = 0.02  # seconds without a job after which the next one's fork is made
_BACKLOG = 512  # connections that may wait to be taken


class Limits(NamedTuple):
    """How much at once, and how long."""

    jobs: int  # running at once; more are told to come again
    idle: float  # seconds without a job after which the server goes


class Fork(NamedTuple):
    """A fork that has no job yet."""

    ended: int  # the descriptor that tells of its end
    channel: socket.socket  # to send it the connection of its job's caller


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
        self._forks: dict[int, int] = {}  # the descriptor that tells of its end: the process
        self._spare: Fork | None = None
        self._sound = True  # the last spare has not died before it was used
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
        for descriptor in (self._owner, *self._forks):
            os.close(descriptor)

    def next_fork(self) -> socket.socket | None:
        """Return, in each fork, the channel on which its caller will come; None when the server goes."""
        while self._wanted():
            resting = not self._spare and not self._jobs and self._sound
            events = self._poll.poll(1000 * (REST if resting else LOOK))
            if resting and not events and (fork := self._fork_ahead()):
                return fork
            for descriptor, _ in events:
                if descriptor in self._forks:
                    self._collect(descriptor)
                elif descriptor == self._listener.fileno() and (fork := self._take()):
                    return fork
        self._withdraw()
        return self._take()

    @property
    def _jobs(self) -> int:
        return len(self._forks) - bool(self._spare)

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
        """Hand all who wait to a fork each; return as `next_fork` does in a fork, None in the server."""
        while connection := self._accept():
            with connection:
                if not same_user(connection):
                    continue
                if self._jobs >= self._limits.jobs:
                    _send_away(connection)
                elif fork := self._hand_over(connection):
                    return fork
        return None

    def _hand_over(self, connection: socket.socket) -> socket.socket | None:
        """Give a caller to the spare, or to a new fork; return as `next_fork` does in that."""
        handed = False
        while not handed:
            if self._spare is None and (fork := self._fork()):
                return fork
            handed = self._use_spare(connection)
        self._last = time.monotonic()
        self._sound = True
        return None

    def _use_spare(self, connection: socket.socket) -> bool:
        """Give a caller to the spare, which is none any more; return whether it was still alive."""
        spare, self._spare = self._spare, None
        assert spare is not None
        with spare.channel, suppress(OSError):
            return socket.send_fds(spare.channel, [b"!"], [connection.fileno()]) == 1
        return False

    def _accept(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except OSError:  # nobody, or gone again
            return None

    def _fork_ahead(self) -> socket.socket | None:
        try:
            return self._fork()
        except OSError:  # no room for it: it is tried again after the next job
            self._sound = False
            return None

    def _fork(self) -> socket.socket | None:
        """Make the spare; return, in the fork, its end of the channel."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            return theirs
        theirs.close()
        ended = os.pidfd_open(child)
        self._forks[ended] = child
        self._poll.register(ended, POLLIN)
        self._spare = Fork(ended, ours)
        return None

    def _collect(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        os.waitpid(self._forks.pop(descriptor), 0)
        os.close(descriptor)
        if self._spare and self._spare.ended == descriptor:
            self._spare.channel.close()
            self._spare, self._sound = None, False
        else:
            self._last = time.monotonic()


def _send_away(connection: socket.socket) -> None:
    connection.setblocking(False)
    with suppress(OSError):
        connection.send(BUSY)

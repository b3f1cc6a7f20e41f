"""The fork server's loop: it accepts callers, and has a fork for each of them."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from select import POLLIN, poll
from typing import NamedTuple

from .protocol import BUSY, ServerOptions, same_user

_CHECK_INTERVAL = 1.0  # seconds between looks at the socket's file
_SPARE_DELAY = 0.02  # seconds without a command after which the next one's fork is made
_BACKLOG = 512  # connections that may wait to be accepted


class Fork(NamedTuple):
    """A fork that has no command yet."""

    pidfd: int  # becomes readable when the fork has ended
    channel: socket.socket  # to send it the connection of its caller


class Listener:
    """Listens on a socket that only this user can reach, and makes the forks.

    The server runs as long as the socket's file is there: whoever removes that, ends the server. It ends with
    its owner, too. Commands that run are not touched by that: each has a reaper of its own.
    """

    def __init__(self, options: ServerOptions) -> None:
        """Listen. Raises OSError, also when the owner has ended."""
        self._options = options
        self._path = Path(options.socket)
        self._owner = os.pidfd_open(options.owner)
        self._forks: dict[int, int] = {}  # pidfd: pid
        self._spare: Fork | None = None
        self._may_fork_ahead = True  # False from a spare's failure to the next command
        self._last_use = time.monotonic()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._poll = poll()
        self._poll.register(self._owner, POLLIN)
        self._poll.register(self._socket, POLLIN)
        self._path.unlink(missing_ok=True)
        self._socket.bind(options.socket)
        self._path.chmod(0o600)
        self._inode = self._path.stat().st_ino
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)

    def close(self) -> None:
        """Close everything; in a fork this does not touch the server."""
        self._socket.close()
        for descriptor in (self._owner, *self._forks):
            os.close(descriptor)

    def owner_is_gone(self) -> bool:
        """Return whether the process that the server is for has ended."""
        return any(descriptor == self._owner for descriptor, _ in self._poll.poll(0))

    def next_fork(self) -> socket.socket | None:
        """Serve callers until the server is to end; returns once in each fork, and once in the server.

        A fork gets the channel on which it will be sent its caller's connection; the server gets None.
        """
        while self._is_wanted():
            forks_ahead = not self._spare and not self._running and self._may_fork_ahead
            events = self._poll.poll(1000 * (_SPARE_DELAY if forks_ahead else _CHECK_INTERVAL))
            if forks_ahead and not events and (channel := self._fork_ahead()):
                return channel
            for descriptor, _ in events:
                if descriptor in self._forks:
                    self._collect(descriptor)
                elif descriptor == self._socket.fileno() and (channel := self._serve_callers()):
                    return channel
        if self._has_socket_file():
            self._path.unlink(missing_ok=True)
        return self._serve_callers()

    @property
    def _running(self) -> int:
        """How many commands run."""
        return len(self._forks) - bool(self._spare)

    def _is_wanted(self) -> bool:
        if not self._running and time.monotonic() - self._last_use > self._options.idle:
            return False
        return self._has_socket_file() and not self.owner_is_gone()

    def _has_socket_file(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _serve_callers(self) -> socket.socket | None:
        """Give a fork to every caller that waits; returns as `next_fork` does."""
        while connection := self._accept():
            with connection:
                if not same_user(connection):
                    continue
                if self._running >= self._options.jobs:
                    _send_away(connection)
                elif channel := self._hand_over(connection):
                    return channel
        return None

    def _accept(self) -> socket.socket | None:
        try:
            return self._socket.accept()[0]
        except OSError:  # nobody waits, or the caller has gone again
            return None

    def _hand_over(self, connection: socket.socket) -> socket.socket | None:
        """Give a caller to the spare, or to a new fork; returns as `next_fork` does."""
        handed_over = False
        while not handed_over:
            if self._spare is None and (channel := self._fork()):
                return channel
            handed_over = self._use_spare(connection)
        self._last_use = time.monotonic()
        self._may_fork_ahead = True
        return None

    def _use_spare(self, connection: socket.socket) -> bool:
        """Give a caller to the spare, which is a spare no more; return whether it was still alive."""
        spare, self._spare = self._spare, None
        assert spare is not None
        with spare.channel, suppress(OSError):
            return socket.send_fds(spare.channel, [b"!"], [connection.fileno()]) == 1
        return False

    def _fork_ahead(self) -> socket.socket | None:
        """Make the next command's fork before it comes; returns as `next_fork` does."""
        try:
            return self._fork()
        except OSError:  # no memory or no process for it: tried again after the next command
            self._may_fork_ahead = False
            return None

    def _fork(self) -> socket.socket | None:
        """Make a fork, the spare; returns as `next_fork` does."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            return theirs
        theirs.close()
        pidfd = os.pidfd_open(child)
        self._forks[pidfd] = child
        self._poll.register(pidfd, POLLIN)
        self._spare = Fork(pidfd, ours)
        return None

    def _collect(self, pidfd: int) -> None:
        """Forget a fork that has ended."""
        self._poll.unregister(pidfd)
        os.waitpid(self._forks.pop(pidfd), 0)
        os.close(pidfd)
        if self._spare and self._spare.pidfd == pidfd:
            self._spare.channel.close()
            self._spare, self._may_fork_ahead = None, False
        else:
            self._last_use = time.monotonic()


def _send_away(connection: socket.socket) -> None:
    connection.setblocking(False)
    with suppress(OSError):
        connection.send(BUSY)

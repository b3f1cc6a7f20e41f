"""The worker's side of a fork server's socket."""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Event

from app.core.logging import get_logger
from app.runner.fork_server.protocol import (
    BUSY,
    READY,
    READY_TIMEOUT,
    REPLY_TIMEOUT,
    TAKEN,
    Command,
    Descriptors,
    peer,
    same_user,
    send,
)

log = get_logger(__name__)

CHECK_INTERVAL = 0.05  # seconds between looks at the cancel event


class NoForkServer(Exception):
    """No fork server can be used now; the log says why."""


class StartAborted(Exception):
    """The command was not started and must not be: `why` is "timeout" or "cancelled"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def connect(path: Path, timeout: float, cancel: Event) -> socket.socket:
    """Return a connection to a fork of the server at `path`; wait at most `timeout` seconds while it is full.

    A server that does not answer is ended, so that it is asked once and not by every run. Raises
    StartAborted when cancelled or out of time; OSError when no server of this user answers.
    """
    deadline = time.monotonic() + timeout
    while True:
        connection = _open(path)
        try:
            reply = _receive_reply(connection, READY_TIMEOUT)
        except TimeoutError:
            with connection:
                _end_server(connection)
            raise
        except BaseException:
            connection.close()
            raise
        if reply == READY:
            return connection
        connection.close()
        if reply != BUSY:
            raise ConnectionResetError(f"the fork server at {path} closed the connection")
        if cancel.wait(CHECK_INTERVAL):
            raise StartAborted("cancelled")
        if time.monotonic() > deadline:
            raise StartAborted("timeout")


def hand_over(connection: socket.socket, command: Command, descriptors: Descriptors) -> None:
    """Give a command to the fork. Raises OSError when the fork has not taken it, and so will not run it."""
    send(connection, command, descriptors)
    if _receive_reply(connection, REPLY_TIMEOUT) != TAKEN:
        raise ConnectionResetError("the fork server closed the connection before it took the command")


def _open(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(READY_TIMEOUT)
        connection.connect(str(path))
        if not same_user(connection):
            raise PermissionError(f"{path} belongs to a process of another user")
    except BaseException:
        connection.close()
        raise
    return connection


def _receive_reply(connection: socket.socket, timeout: float) -> bytes:
    connection.settimeout(timeout)
    return connection.recv(1)


def _end_server(connection: socket.socket) -> None:
    """End a server that hangs; the commands that it has started go on, each under its reaper."""
    server, _ = peer(connection)
    log.warning("the fork server does not answer: it is ended, another one takes its place", pid=server)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(server, signal.SIGKILL)

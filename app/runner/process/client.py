"""The worker's side of the fork server's socket."""

import socket
import time
from pathlib import Path
from threading import Event

from app.runner.fork_server.protocol import (
    BUSY,
    PATIENCE,
    READY,
    TAKEN,
    Descriptors,
    JobOrder,
    same_user,
    send,
)

TICK = 0.05  # seconds between looks at the cancel event


class Unavailable(Exception):
    """There is no fork server now; why has been said in the log."""


class NotStarted(Exception):
    """The job was not started and shall not be: "timeout" or "cancelled"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def connect(path: Path, patience: float, cancel: Event) -> socket.socket:
    """Return a connection to a fork of the server at this path; wait so many seconds when it has no place.

    Raises OSError when no server answers, NotStarted.
    """
    until = time.monotonic() + patience
    while True:
        connection = _open(path)
        try:
            word = _word(connection)
        except BaseException:
            connection.close()
            raise
        if word == READY:
            return connection
        connection.close()
        if word != BUSY:
            raise ConnectionResetError(f"the fork server at {path} went away")
        if cancel.wait(TICK):
            raise NotStarted("cancelled")
        if time.monotonic() > until:
            raise NotStarted("timeout")


def hand_over(connection: socket.socket, order: JobOrder, descriptors: Descriptors) -> None:
    """Give a job to the fork. Raises OSError when that has not taken it; it will not then."""
    send(connection, order, descriptors)
    if _word(connection) != TAKEN:
        raise ConnectionResetError("the fork server let the job go")


def _open(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        if not same_user(connection):
            raise PermissionError(f"{path} is somebody else's")
    except BaseException:
        connection.close()
        raise
    return connection


def _word(connection: socket.socket) -> bytes:
    connection.settimeout(PATIENCE)
    return connection.recv(1)

"""The worker's side of the fork server's socket."""

import socket
import time
from pathlib import Path
from threading import Event

from app.runner.fork_server.order import ACCEPTED, PATIENCE, Descriptors, JobOrder, same_user, send

TICK = 0.05  # seconds between looks at the cancel event


class Unavailable(Exception):
    """There is no fork server now; why has been said in the log."""


class NotStarted(Exception):
    """The job was not started and shall not be: "timeout" or "cancelled"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def connect(path: Path) -> socket.socket:
    """Return a connection to the server at this path. Raises OSError when there is none."""
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


def hand_over(connection: socket.socket, order: JobOrder, descriptors: Descriptors, cancel: Event) -> None:
    """Give a job to the server and wait for its word. Raises NotStarted; OSError when the server is gone."""
    until = time.monotonic() + order["timeout"]
    send(connection, order, descriptors)
    connection.settimeout(TICK)
    while True:
        try:
            if connection.recv(1) == ACCEPTED:
                return
            raise ConnectionResetError("the fork server let the job go")
        except TimeoutError:
            if cancel.is_set():
                raise NotStarted("cancelled") from None
            if time.monotonic() > until:
                raise NotStarted("timeout") from None

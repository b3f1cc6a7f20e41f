"""A job on its way to the fork server: JSON, and the descriptors that go with it."""

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

EVENTS_VARIABLE = "DNS_EVENTS_FD"  # where a job finds the number of its events descriptor
READY, BUSY = b"+", b"-"  # the server's first word: send the job, or come again
TAKEN = b"!"  # its second: the job is in hand
PATIENCE = 10.0  # seconds for the next word of the other side
_PIECE = 65536


class ServerOrder(TypedDict):
    """What a fork server gets to know; times are in seconds."""

    socket: str
    cwd: str  # the playbook's folder
    owner: int  # the process that the server is for; its end is the server's
    ready: int  # the descriptor for the word that it is ready, or why it can't be
    jobs: int
    idle: float


class JobOrder(TypedDict):
    """A command as for a cold start, and all that it would find around it; times are in seconds."""

    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: str
    folder: str  # removed when the worker is gone, since it can't
    timeout: float
    grace: float


class Descriptors(NamedTuple):
    """The job's ends of the pipes."""

    events: int
    output: int
    report: int
    control: int


def send(connection: socket.socket, order: JobOrder, descriptors: Descriptors) -> None:
    """Send a job and its descriptors; they stay open here. Raises OSError."""
    connection.settimeout(PATIENCE)
    text = json.dumps(order).encode()
    sent = socket.send_fds(connection, [text], list(descriptors))
    connection.sendall(text[sent:])
    connection.shutdown(socket.SHUT_WR)


def receive(connection: socket.socket) -> tuple[JobOrder, Descriptors]:
    """Return a job and its descriptors, none of them inheritable. Raises OSError, ValueError."""
    connection.settimeout(PATIENCE)
    text, numbers, _, _ = socket.recv_fds(connection, _PIECE, len(Descriptors._fields))
    descriptors = Descriptors(*numbers) if len(numbers) == len(Descriptors._fields) else None
    for number in numbers:
        os.set_inheritable(number, False)
    while piece := connection.recv(_PIECE):
        text += piece
    if descriptors is None:
        raise ValueError("an order without descriptors")
    order: JobOrder = json.loads(text)
    return order, descriptors


def same_user(connection: socket.socket) -> bool:
    """Whether the other side runs under our user id, as the kernel has it (SO_PEERCRED, unix(7))."""
    layout = "3i"
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(layout))
    _, uid, _ = struct.unpack(layout, told)
    return bool(uid == os.geteuid())

"""What the worker and the processes of this package send each other: a command to run, and its pipes."""

import json
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

ENTRY = os.path.join(os.path.dirname(__file__), "__main__.py")  # the script that starts these processes
EVENTS_VARIABLE = "DNS_EVENTS_FD"  # names the command's descriptor for events, in its environment
READY, BUSY = b"+", b"-"  # a fork server's answer to a connection: send a command, or come again later
TAKEN = b"!"  # its answer to a command: it will be run
CANCEL, BEAT = b"c", b"."  # on the control pipe: end the command; the worker is alive
READY_TIMEOUT = 3.0  # seconds for a fork server's answer to a connection: it takes some milliseconds
REPLY_TIMEOUT = 10.0  # seconds to wait for a reply, or a whole command
MAX_COMMAND = 16 * 1024 * 1024  # bytes: the kernel starts no process with so many, execve(2)
_CHUNK = 65536  # bytes read at once


class Command(NamedTuple):
    """A command to run, and what it finds around it; times are in seconds."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: str
    folder: str  # the run's own; the reaper removes it when the worker has died
    timeout: float
    grace: float = 3.0  # between asking processes to end (SIGTERM) and killing them (SIGKILL)
    silence: float | None = None  # without a sign of the worker's life; then the command is killed

    def to_json(self) -> str:
        """Return the command as JSON."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str | bytes | bytearray) -> Self:
        """Return the command that `to_json` wrote. Raises ValueError, TypeError."""
        try:
            return cls(**json.loads(text))
        except RecursionError as error:
            raise ValueError("no command: nested too deep") from error


class Descriptors(NamedTuple):
    """The command's ends of the pipes that connect it and its reaper with the worker."""

    events: int  # the callback plugin writes JSON lines to it
    output: int  # standard output and standard error
    report: int  # the reaper writes to it how the command ended: {"status": …, "why": …}
    control: int  # the reaper reads it: CANCEL, or BEAT; its end means that the worker has died


class ServerOptions(NamedTuple):
    """What a fork server needs to know; times are in seconds."""

    socket: str  # the path to listen on
    cwd: str  # the playbook's folder
    owner: int  # the process that the server is for; when it ends, the server ends
    jobs: int  # commands at the same time; further callers are told to come again
    idle: float  # without a command; then the server ends


def send(connection: socket.socket, command: Command, descriptors: Descriptors) -> None:
    """Send a command and its descriptors, which stay open here. Raises OSError."""
    connection.settimeout(REPLY_TIMEOUT)
    data = command.to_json().encode()
    sent = socket.send_fds(connection, [data], list(descriptors))
    connection.sendall(data[sent:])
    connection.shutdown(socket.SHUT_WR)


def receive(connection: socket.socket) -> tuple[Command, Descriptors]:
    """Return a command and its descriptors, which are not inheritable.

    Raises OSError; ValueError or TypeError when the other side sent no command.
    """
    deadline = time.monotonic() + REPLY_TIMEOUT
    connection.settimeout(REPLY_TIMEOUT)
    first, numbers, _, _ = socket.recv_fds(connection, _CHUNK, len(Descriptors._fields))
    for number in numbers:
        os.set_inheritable(number, False)
    data = bytearray(first)
    while chunk := _receive_part(connection, deadline):
        data += chunk
        if len(data) > MAX_COMMAND:
            raise ValueError(f"a command of more than {MAX_COMMAND} bytes")
    if len(numbers) != len(Descriptors._fields):
        raise ValueError("a command without descriptors")
    return Command.from_json(data), Descriptors(*numbers)


def _receive_part(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the command comes too slowly")
    connection.settimeout(left)
    return connection.recv(_CHUNK)


def same_user(connection: socket.socket) -> bool:
    """Return whether the kernel says that the other side runs under our user id."""
    return peer(connection)[1] == os.geteuid()


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return the process and the user id of the other side, as the kernel says (SO_PEERCRED, unix(7))."""
    layout = "3i"  # struct ucred: pid, uid, gid
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(layout))
    pid, uid, _ = struct.unpack(layout, credentials)
    return pid, uid

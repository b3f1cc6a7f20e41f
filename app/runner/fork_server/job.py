"""A job in its fork: the reaper, and below it Ansible, which finds everything as at a cold start.

Both are there before the job comes, where there was time for that.
"""

import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from functools import partial
from typing import NoReturn

from . import ansible_internals, reaper
from .memory import own_memory
from .protocol import EVENTS_VARIABLE, READY, TAKEN, Descriptors, JobOrder, receive, send
from .title import set_title

_ENDING = (signal.SIGTERM, signal.SIGHUP)  # the reaper's handlers for them are not Ansible's
_AT_ONCE = 0.05  # seconds in which a job comes that the fork was made for


def run(server: socket.socket, said: bytes) -> None:
    """Wait for the job's caller, take the job, and see to its end. `said` begins its output.

    Returns early when the server or Ansible's process goes first. Raises OSError, ValueError.
    """
    set_title(["ansible fork server, spare"])
    ours, theirs = socket.socketpair()
    child = reaper.start(partial(_work, theirs, (ours, server), said))
    theirs.close()
    connection = _caller(server, child)
    if connection is None:
        return
    with connection:
        connection.sendall(READY)
        order, descriptors = receive(connection)
        connection.sendall(TAKEN)
    set_title([str(reaper.__file__), *order["command"]])
    with ours:
        send(ours, order, descriptors)
    reaper.watch(
        {
            "command": list(order["command"]),
            "timeout": order["timeout"],
            "grace": order["grace"],
            "control": descriptors.control,
            "report": descriptors.report,
            "folder": order["folder"],
        },
        child,
    )


def _caller(server: socket.socket, child: int) -> socket.socket | None:
    """The connection that the server has accepted for this fork; None when server or child is gone."""
    ended = os.pidfd_open(child)
    with server:
        if ended in select.select([server.fileno(), ended], [], [])[0]:
            return None
        os.close(ended)
        _, numbers, _, _ = socket.recv_fds(server, 1, 1)
    return socket.socket(fileno=numbers[0]) if numbers else None


def _work(told: socket.socket, others: tuple[socket.socket, ...], said: bytes) -> NoReturn:
    status = ansible_internals.FAILED
    try:
        for other in others:
            other.close()
        order, descriptors = _job(told)
        _arrange(order, descriptors)
        os.write(1, said)
        status = ansible_internals.playbook(order["command"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _job(told: socket.socket) -> tuple[JobOrder, Descriptors]:
    """Wait for the job; use the time, if there is some."""
    with told:
        if not select.select([told], [], [], _AT_ONCE)[0]:
            own_memory(until=lambda: bool(select.select([told], [], [], 0)[0]))
            select.select([told], [], [])
        return receive(told)


def _arrange(order: JobOrder, descriptors: Descriptors) -> None:
    """Make this process look like the command just started."""
    set_title(order["command"])
    os.dup2(descriptors.output, 1)
    os.dup2(descriptors.output, 2)
    for descriptor in (descriptors.output, descriptors.report, descriptors.control):
        os.close(descriptor)
    os.set_inheritable(descriptors.events, True)
    for number in _ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"], **{EVENTS_VARIABLE: str(descriptors.events)})
    os.chdir(order["cwd"])
    tempfile.tempdir = None  # TMPDIR counts again
    sys.argv = ansible_internals.arguments(order["command"])
    sys.orig_argv = list(order["command"])

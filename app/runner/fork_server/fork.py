"""A command in its fork: a reaper, and below it Ansible, which finds everything as if just started.

Where there is time for that, both processes are made before the command comes.
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
from .memory import copy_shared_memory
from .protocol import EVENTS_VARIABLE, READY, TAKEN, Command, Descriptors, receive, send
from .title import set_title

_REAPER_SIGNALS = (signal.SIGTERM, signal.SIGHUP)  # those for which the reaper has handlers
_SPARE_DELAY = 0.05  # seconds: a fork that was made for a caller has its command by then


def run(channel: socket.socket, startup_output: bytes) -> None:
    """Wait for the caller, take its command, and see to the command's end.

    The server sends the caller's connection on the channel. The command's output begins with what Ansible
    wrote when the server loaded it. Returns early when the server or Ansible's process ends before a caller
    comes. Raises OSError, ValueError, TypeError.
    """
    set_title(["ansible fork server, spare"])
    ours, theirs = socket.socketpair()
    child = reaper.start(partial(_work, theirs, (ours, channel), startup_output))
    theirs.close()
    connection = _wait_for_caller(channel, child)
    if connection is None:
        return
    with connection:
        connection.sendall(READY)
        command, descriptors = receive(connection)
        connection.sendall(TAKEN)
    set_title([str(reaper.__file__), *command.argv])
    with ours:
        send(ours, command, descriptors)
    reaper.watch(child, command, descriptors)


def _wait_for_caller(channel: socket.socket, child: int) -> socket.socket | None:
    """Return the connection of this fork's caller; None when the server or the child has ended."""
    pidfd = os.pidfd_open(child)
    with channel:
        if pidfd in select.select([channel.fileno(), pidfd], [], [])[0]:
            return None
        os.close(pidfd)
        _, numbers, _, _ = socket.recv_fds(channel, 1, 1)
    return socket.socket(fileno=numbers[0]) if numbers else None


def _work(from_reaper: socket.socket, not_ours: tuple[socket.socket, ...], startup_output: bytes) -> NoReturn:
    """Be the process that runs Ansible."""
    status = ansible_internals.FAILED
    try:
        for other in not_ours:
            other.close()
        command, descriptors = _wait_for_command(from_reaper)
        _become(command, descriptors)
        os.write(1, startup_output)
        status = ansible_internals.playbook(command.argv)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _wait_for_command(from_reaper: socket.socket) -> tuple[Command, Descriptors]:
    """Wait for the command; if that takes a while, copy the memory that is shared with the server."""
    with from_reaper:
        if not select.select([from_reaper], [], [], _SPARE_DELAY)[0]:
            copy_shared_memory(until=lambda: bool(select.select([from_reaper], [], [], 0)[0]))
            select.select([from_reaper], [], [])
        return receive(from_reaper)


def _become(command: Command, descriptors: Descriptors) -> None:
    """Make this process look as if it had just been started as the command."""
    set_title(command.argv)
    os.dup2(descriptors.output, 1)
    os.dup2(descriptors.output, 2)
    for descriptor in (descriptors.output, descriptors.report, descriptors.control):
        os.close(descriptor)
    os.set_inheritable(descriptors.events, True)
    for number in _REAPER_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(command.environment, **{EVENTS_VARIABLE: str(descriptors.events)})
    os.chdir(command.cwd)
    tempfile.tempdir = None  # TMPDIR is read again
    sys.argv = ansible_internals.arguments(command.argv)
    sys.orig_argv = list(command.argv)

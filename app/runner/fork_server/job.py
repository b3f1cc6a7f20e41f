"""A job in its fork: the reaper, and below it Ansible, which finds everything as at a cold start."""

import os
import signal
import socket
import sys
import tempfile
import traceback
from typing import NoReturn

from . import insides, reaper
from .order import EVENTS_VARIABLE, READY, TAKEN, Descriptors, JobOrder, receive
from .title import set_title

_ENDING = (signal.SIGTERM, signal.SIGHUP)  # the reaper's handlers for them are not Ansible's


def run(connection: socket.socket, said: bytes) -> None:
    """Take the job, and see to its end. `said` begins its output. Raises OSError, ValueError."""
    with connection:
        connection.sendall(READY)
        order, descriptors = receive(connection)
        connection.sendall(TAKEN)
    set_title([str(reaper.__file__), *order["command"]])
    reaper.reap(
        {
            "command": list(order["command"]),
            "timeout": order["timeout"],
            "grace": order["grace"],
            "control": descriptors.control,
            "report": descriptors.report,
            "folder": order["folder"],
        },
        lambda: _work(order, descriptors, said),
    )


def _work(order: JobOrder, descriptors: Descriptors, said: bytes) -> NoReturn:
    status = insides.FAILED
    try:
        _arrange(order, descriptors)
        os.write(1, said)
        status = insides.playbook(order["command"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


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
    sys.argv = insides.arguments(order["command"])
    sys.orig_argv = list(order["command"])

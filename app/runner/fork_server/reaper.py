"""The reaper: a small process above a command, which ends when nothing of the command is left.

Ansible's workers, and what they start, leave its process group (setsid), so killing the group is not enough.
As a "child subreaper" (prctl(2)) the reaper becomes the parent of every orphan below it, and so can find
them all. The worker itself can't be that: it has other children. The worker holds the other end of the
control pipe: it writes to it that it is alive, or that the command is to be ended, and the pipe's end tells
the reaper that the worker has died, in whatever way. A worker that says nothing for too long stands still
(SIGSTOP, a frozen container); its lease runs out, so its command must have ended before.

For a command in a process of its own, the reaper is started as `python -I -S …/fork_server/__main__.py
reaper COMMAND DESCRIPTORS`, both as JSON; for a command in a fork, it is a fork of the fork server. It
imports the standard library only.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NoReturn

from .protocol import CANCEL, Command, Descriptors

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KILL_TIMEOUT = 10.0  # seconds of sending SIGKILL, after which a process that does not end is left alone
_POLL_INTERVAL = 0.01  # seconds between looks at who has ended
_CHUNK = 4096  # bytes of the control pipe that are read at once

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run the command that the arguments describe, and see to its end."""
    command = Command.from_json(sys.argv[1])
    descriptors = Descriptors(*json.loads(sys.argv[2]))
    for descriptor in (descriptors.control, descriptors.report):
        os.set_inheritable(descriptor, False)
    watch(start(partial(_execute, command.argv)), command, descriptors)


def start(work: Callable[[], NoReturn]) -> int:
    """Become the reaper of a child that does the work; return the child's pid."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # ends when its work is done; SIG_IGN would be inherited
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    return _fork(work)


def watch(child: int, command: Command, descriptors: Descriptors) -> None:
    """Wait for the child's end or bring it about, end every process that it leaves behind, and report."""
    why = _wait(child, command, descriptors.control)
    status = _end_all(child, 0 if why == "frozen" else command.grace)
    if why == "orphaned":
        _remove(command.folder)
    os.write(descriptors.report, json.dumps({"status": status, "why": why}).encode())


def _fork(work: Callable[[], NoReturn]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            work()
    finally:
        os._exit(127)


def _execute(argv: Sequence[str]) -> NoReturn:
    try:
        os.execv(argv[0], list(argv))  # noqa: S606
    except OSError as error:
        print(f"{argv[0]} can't be started: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(127)


def _wait(child: int, command: Command, control: int) -> str | None:
    """Wait until the command has to be ended.

    Returns None if the child ended by itself, else "timeout", "cancelled", "orphaned" when the worker has
    died, or "frozen" when it has given no sign of life for too long.
    """
    pidfd = os.pidfd_open(child)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(control, select.POLLIN)
    until = time.monotonic() + command.timeout
    while True:
        left = until - time.monotonic()
        silence = left if command.silence is None else min(left, command.silence)
        ready = dict(poll.poll(max(0, silence * 1000)))
        if pidfd in ready:
            return None
        if not ready:
            return "timeout" if silence == left else "frozen"
        said = os.read(control, _CHUNK)
        if not said or CANCEL in said:
            return "cancelled" if said else "orphaned"


def _end_all(child: int, grace: float) -> int | None:
    """End every descendant, first by SIGTERM and then by SIGKILL; return the child's exit status."""
    status: int | None = None
    kill_from = time.monotonic() + grace
    terminated = False
    while True:
        child_status, none_left = _collect(child)
        status = child_status if child_status is not None else status
        if none_left or time.monotonic() > kill_from + KILL_TIMEOUT:
            return status
        if time.monotonic() >= kill_from:
            _signal_all(signal.SIGKILL)
        elif not terminated:
            terminated = True
            _signal_all(signal.SIGTERM)
        time.sleep(_POLL_INTERVAL)


def _collect(child: int) -> tuple[int | None, bool]:
    """Collect the processes that have ended.

    Returns the exit status of the child if it is among them, and whether no process is left.
    """
    status = None
    try:
        while True:
            pid, code = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return status, False
            if pid == child:
                status = os.waitstatus_to_exitcode(code)
    except ChildProcessError:
        return status, True


def _signal_all(number: signal.Signals) -> None:
    for pid in _descendants():
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found = list(children.get(os.getpid(), []))
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, []))
    return found


def _processes() -> Iterator[tuple[int, int]]:
    """Yield the pid of every process and that of its parent, proc_pid_stat(5)."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    yield int(name), int(file.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue


def _remove(folder: str) -> None:
    import shutil  # here, since it is slow to import and rarely needed

    shutil.rmtree(folder, ignore_errors=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")

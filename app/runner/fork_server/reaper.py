"""The reaper: a small process between the worker and Ansible that leaves only when nothing of a run is left.

Of a cold run it is a script by itself: `python -I -S reaper.py ORDER`, ORDER being JSON (see `Order`); of
a warm run it is a fork of the fork server. Ansible's workers and what they start leave its process group
(setsid), so killing the group is not enough. As a "child subreaper" (prctl(2)) the reaper becomes the
parent of every orphan below it, and can so find them all. The worker itself can't be that: it has other
children. It holds a pipe to the reaper: a byte in it means cancel, its end that the worker is gone,
however it went.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn, TypedDict

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LAST_RESORT = 10.0  # seconds of killing, after which a process that can't be killed is left alone

_libc = ctypes.CDLL(None, use_errno=True)


class Order(TypedDict):
    """What to run and when to stop it; times are in seconds."""

    command: list[str]
    timeout: float
    grace: float  # between asking to end and killing
    control: int  # the descriptor whose end means that the worker is gone
    report: int  # the descriptor to write the end to: {"status": …, "why": …}
    folder: str  # removed when the worker is gone, since it can't


def main() -> None:
    """Run the command that the order names."""
    order: Order = json.loads(sys.argv[1])
    reap(order, lambda: _execute(order["command"]))


def reap(order: Order, work: Callable[[], NoReturn]) -> None:
    """Let a child do the work to its end, end what it leaves behind, and report."""
    for descriptor in (order["control"], order["report"]):
        os.set_inheritable(descriptor, False)
    watch(order, start(work))


def start(work: Callable[[], NoReturn]) -> int:
    """Become the reaper of a child that does the work; return the child."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # it goes when its work is done; SIG_IGN would be inherited
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    return _fork(work)


def watch(order: Order, child: int) -> None:
    """Wait for the child's end or bring it about, end what it leaves behind, and report."""
    why = _wait(child, order)
    status = _end_all(child, order["grace"])
    if why == "orphaned":
        _remove(order["folder"])
    os.write(order["report"], json.dumps({"status": status, "why": why}).encode())


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


def _execute(command: list[str]) -> NoReturn:
    try:
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"{command[0]} can't be started: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(127)


def _wait(child: int, order: Order) -> str | None:
    """Wait for the child's end, a word from the worker, or the deadline; return why not for the first."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(order["control"], select.POLLIN)
    ready = dict(poll.poll(order["timeout"] * 1000))
    if ended in ready:
        return None
    if not ready:
        return "timeout"
    return "cancelled" if os.read(order["control"], 1) else "orphaned"


def _end_all(child: int, grace: float) -> int | None:
    """End every descendant, by asking and then by force; return the child's exit status."""
    status: int | None = None
    kill_from = time.monotonic() + grace
    asked = False
    while True:
        gone, all_gone = _collect(child)
        status = gone if gone is not None else status
        if all_gone or time.monotonic() > kill_from + LAST_RESORT:
            return status
        if time.monotonic() >= kill_from:
            _signal_all(signal.SIGKILL)
        elif not asked:
            asked = True
            _signal_all(signal.SIGTERM)
        time.sleep(0.01)


def _collect(child: int) -> tuple[int | None, bool]:
    """Collect who has ended; return the child's exit status if among them, and whether nobody is left."""
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
    """Yield every process and its parent."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    yield int(name), int(file.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue


def _remove(folder: str) -> None:
    import shutil  # rarely needed, and slow to import

    shutil.rmtree(folder, ignore_errors=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main()

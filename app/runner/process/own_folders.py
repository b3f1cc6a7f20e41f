"""Folders below TMPDIR whose names tell which process made them: others can remove what it has left."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir

RUNS, FORK_SERVERS = "dns-run-", "dns-ansible-"
_INTERVAL = 60.0  # seconds between two looks of a process at what others have left

_next_look = 0.0


def mark() -> str:
    """Return what goes behind the beginning of a folder's name: who makes it.

    It is the process's number and when it began, since numbers come again: in a container the same ones.
    Short, since the path of a socket may have 107 octets, unix(7).
    """
    return f"{os.getpid():x}.{_start_of(os.getpid()) or 0:x}-"


def remove_abandoned(age: float) -> None:
    """Remove the folders that killed processes have left: `age` seconds old, of processes that are gone.

    A process of another container is not seen from here, and taken for gone: so a server that answers
    keeps its folder.
    """
    for folder in _folders():
        with suppress(OSError, ValueError):
            status = folder.lstat()
            is_old = time.time() - status.st_mtime > age
            if is_old and status.st_uid == os.geteuid() and _is_gone(folder) and not _is_in_use(folder):
                rmtree(folder, ignore_errors=True)


def remove_abandoned_now_and_then(age: float) -> None:
    """The same, unless this process has done so within the last minute."""
    global _next_look
    if time.monotonic() >= _next_look:
        _next_look = time.monotonic() + _INTERVAL
        remove_abandoned(age)


def _folders() -> Iterator[Path]:
    for prefix in (RUNS, FORK_SERVERS):
        yield from Path(gettempdir()).glob(f"{prefix}*.*-*")


def _is_gone(folder: Path) -> bool:
    """Whether the process that made the folder has ended. Raises ValueError where the name does not tell."""
    made_by = folder.name.removeprefix(RUNS).removeprefix(FORK_SERVERS).partition("-")[0]
    pid, _, start = made_by.partition(".")
    return _start_of(int(pid, 16)) != int(start, 16)


def _start_of(pid: int) -> int | None:
    """When a process began, in ticks since the machine did, proc_pid_stat(5); None: there is no such one."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def _is_in_use(folder: Path) -> bool:
    """Whether a fork server listens in the folder."""
    for path in folder.glob("*.sock"):
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.settimeout(1)
            probe.connect(str(path))
            return True
    return False

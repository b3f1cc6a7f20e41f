"""Processes of this machine, as /proc shows them."""

import ctypes
import os
import signal
from pathlib import Path

import psutil

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def apart() -> list[str]:
    """Return what goes in front of a command that ends with the thread that starts it.

    For root the command has processes and mounts of its own, as a container has, and nothing of it is left.
    """
    ends_with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
    own = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    return ends_with_us + (own if os.geteuid() == 0 else [])


def processes_with(mark: str) -> list[int]:
    """Return the other processes that have this text in their command lines."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def servers_of(folder: Path) -> list[int]:
    """Return the fork servers that run for a folder of playbooks."""
    title = f"ansible fork server\0{folder}".encode()
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().rstrip(b"\0") == title and not _is_zombie(process):
                parents[int(process.name)] = int(_status(process)[1])
        except OSError:
            continue
    # A new fork has its parent's title.
    return [pid for pid, parent in parents.items() if parent not in parents]


def server_of(folder: Path) -> int:
    """Return the one fork server that runs for a folder of playbooks."""
    (server,) = servers_of(folder)
    return server


def spares_of(server: int) -> list[psutil.Process]:
    """Return the forks that a fork server has made ahead."""
    return [each for each in psutil.Process(server).children() if "spare" in _title(each)]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # or a zombie, of which it is the class
        return ""


def alive(pid: int) -> bool:
    """Return whether the process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(Path(f"/proc/{pid}"))


def _is_zombie(process: Path) -> bool:
    return _status(process)[0] == "Z"


def _status(process: Path) -> list[str]:
    """Its state, its parent, and so on, proc_pid_stat(5)."""
    return (process / "stat").read_text().rpartition(")")[2].split()

"""The folder in which the processes of a group count together: a worker's pool, the processes of an API.

It is named after the process that leads the group, and when that began: one that is left behind by a group
that was killed is removed when another group starts.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_start_method, parent_process
from pathlib import Path
from tempfile import gettempdir

_PREFIX = "dns-orchestrator-metrics-"


def make_own_folder() -> Path:
    """Return a new folder, which this process and those that it forks share."""
    return _make_folder(os.getpid())


def folder_of_siblings() -> Path | None:
    """Return the folder that this process shares with others of its parent's; None where it has none.

    `uvicorn --workers` starts such processes. What this one has counted goes with it.
    """
    parent = parent_process()
    if parent is None or parent.pid is None or get_start_method(allow_none=True) != "spawn":
        return None
    return _make_folder(parent.pid)


def leave_folder(folder: Path | None) -> None:
    """Remove what this process has counted, and the folder with the last of the group."""
    if folder is None:
        return
    for file in folder.glob(f"*_{os.getpid()}.db"):
        file.unlink(missing_ok=True)
    with suppress(OSError):  # others are still there
        folder.rmdir()


def remove_folder(folder: Path) -> None:
    """Remove the folder of a group that ends."""
    shutil.rmtree(folder, ignore_errors=True)


def _make_folder(leader: int) -> Path:
    """Make the folder of a group unless it is there. Raises PermissionError where it is somebody else's."""
    for left in _left_behind():
        remove_folder(left)
    folder = Path(gettempdir()) / f"{_PREFIX}{leader}-{_began(leader)}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o777 != 0o700:
        raise PermissionError(f"{folder} is not this process's own")
    return folder


def _left_behind() -> Iterator[Path]:
    """Yield the folders of groups whose leaders have ended."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*"):
        pid, _, began = folder.name.removeprefix(_PREFIX).partition("-")
        if pid.isdigit() and _began(int(pid)) != began:
            yield folder


def _began(pid: int) -> str:
    """Return when a process began, in clock ticks since the machine's start; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""

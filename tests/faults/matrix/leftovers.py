"""Processes and files that nobody needs any more."""

import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.faults.matrix.system import RUN_TIMEOUT, WORKERS, System

_FORK_SERVER = "ansible fork server"
_RUN_FOLDER, _SERVER_FOLDER = "dns-run-", "dns-ansible-"
_PYTHONS_FOLDER = "pymp-"  # of multiprocessing: that of a killed worker stays, and is empty


def processes_left(system: System) -> list[str]:
    """Return orphans, but a fork server for each worker, and what waits there for its next run."""
    orphans = system.orphans.find()
    servers = [each for each in orphans if _command(each).startswith(_FORK_SERVER)]
    roots = [each for each in servers if each.ppid() == psutil.Process().pid]
    needed = {each.pid for each in servers} if len(roots) <= len(WORKERS) else set()
    return [f"{each.pid} {_command(each)[:200]}" for each in orphans if each.pid not in needed]


def files_left(system: System) -> list[str]:
    """Return folders of runs that have ended, and of fork servers that no worker has."""
    found = list(system.tmp.iterdir())
    left = [path for path in found if path.name.startswith(_RUN_FOLDER) and _is_abandoned(path)]
    servers = [path for path in found if path.name.startswith(_SERVER_FOLDER)]
    left += servers if len(servers) > len(WORKERS) else []
    known = (_RUN_FOLDER, _SERVER_FOLDER, _PYTHONS_FOLDER)
    left += [path for path in found if not path.name.startswith(known)]
    left += [path for path in found if path.name.startswith(_PYTHONS_FOLDER) and any(path.iterdir())]
    return [path.name for path in left]


def _is_abandoned(folder: Path) -> bool:
    """Whether no worker will remove it: the next run of any does when it is RUN_TIMEOUT old."""
    with suppress(FileNotFoundError):
        owner = int(folder.name.removeprefix(_RUN_FOLDER).partition("-")[0])
        return psutil.pid_exists(owner) or time.time() - folder.stat().st_mtime > 2 * RUN_TIMEOUT
    return False


def _command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline()) or process.name()
    return ""

"""Processes and files that nobody needs any more."""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

import psutil

from app.runner.process.own_folders import FORK_SERVERS, RUNS
from tests.faults.matrix.system import APP, RUN_TIMEOUT, WORKERS, System

_FORK_SERVER = "ansible fork server"
_OLD = 2 * RUN_TIMEOUT + 60  # seconds: a worker looks once a minute
_RUN = re.compile(r'"dns_run_id": "(?P<id>[^"]+)", "dns_zone": "(?P<zone>[^"]+)"')
_PYTHONS_FOLDER = "pymp-"  # of multiprocessing: that of a killed worker stays, and is empty


def processes_left(system: System) -> list[str]:
    """Return orphans, but a fork server for each worker, and what waits there for its next run."""
    orphans = system.orphans.find()
    servers = [each for each in orphans if command_of(each).startswith(_FORK_SERVER)]
    roots = [each for each in servers if _is_child(each)]
    needed = {each.pid for each in servers} if len(roots) <= len(WORKERS) else set()
    return [f"{each.pid} {command_of(each)[:200]}" for each in orphans if each.pid not in needed]


def files_left(system: System) -> list[str]:
    """Return folders of runs that have ended, and of fork servers that no worker has."""
    return [f"{name}: {left}" for name in APP for left in _left_by(system.tmp / name)]


def runs_of(system: System, name: str) -> list[psutil.Process]:
    """Return the processes of a worker's Ansible runs."""
    mark = str(system.tmp / name / RUNS)
    return [process for process in system.orphans.find() if mark in command_of(process)]


def zones_of_runs(system: System, name: str) -> set[tuple[str, str]]:
    """Return the zones on which a worker's runs are at work, each with the id of its run."""
    found = (_RUN.search(command_of(process)) for process in runs_of(system, name))
    return {(run["zone"], run["id"]) for run in found if run}


def fork_servers_of(system: System, name: str) -> list[psutil.Process]:
    """Return a worker's fork server."""
    family = system.family(name)
    return [each for each in family if _is_child(each) and command_of(each).startswith(_FORK_SERVER)]


def _left_by(folder: Path) -> list[str]:
    """Return what no worker has removed, which one of them does once it is RUN_TIMEOUT old."""
    found = list(folder.iterdir())
    left = [path for path in found if path.name.startswith(RUNS) and (_age(path) > _OLD or _has_owner(path))]
    servers = [path for path in found if path.name.startswith(FORK_SERVERS)]
    left += [path for path in servers if _age(path) > _OLD and not _has_owner(path)]
    for path in found:
        is_pythons = path.name.startswith(_PYTHONS_FOLDER) and _is_empty(path)
        left += [] if is_pythons or path.name.startswith((RUNS, FORK_SERVERS)) else [path]
    return [path.name for path in left]


def _is_empty(path: Path) -> bool:
    with suppress(FileNotFoundError):  # it is gone by now
        return not any(path.iterdir())
    return True


def _age(path: Path) -> float:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return 0


def _has_owner(path: Path) -> bool:
    """Whether the process that has made a folder runs: its number, and when it began, are in the name."""
    pid, _, start = path.name.removeprefix(RUNS).removeprefix(FORK_SERVERS).partition("-")[0].partition(".")
    with suppress(OSError, ValueError):  # the release before has other names
        fields = Path(f"/proc/{int(pid, 16)}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) == int(start, 16)
    return False


def command_of(process: psutil.Process) -> str:
    """Return the command line of a process; nothing of one that has ended."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline()) or process.name()
    return ""


def _is_child(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.ppid() == os.getpid()
    return False

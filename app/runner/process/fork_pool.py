"""Runs in forks of a process that has Ansible in memory already: no second to wait for its start."""

import atexit
import fcntl
import os
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import NoReturn

from app.core.logging import get_logger
from app.runner.fork_server.protocol import Descriptors, JobOrder, ServerOrder
from app.runner.process.client import TICK, NotStarted, Unavailable, connect, hand_over
from app.runner.process.fingerprint import Configuration
from app.runner.process.launch import PATIENCE, Failed, launch
from app.runner.process.start_backoff import Setbacks

log = get_logger(__name__)

# One folder for a worker: its pool's processes are forks of the one that imports this.
_OWNER = os.getpid()
_NAME = f"dns-ansible-{secrets.token_hex(8)}"


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / _NAME


@dataclass(frozen=True, slots=True)
class ForkServers:
    """The fork servers of a worker, one for each configuration, started when they are needed."""

    jobs: int  # running at once in each of them; more wait
    idle: float  # seconds without a run after which a server goes
    folder: Path = field(default_factory=_folder)
    owner: int = _OWNER  # the process with which they go

    def start(
        self, configuration: Configuration, order: JobOrder, descriptors: Descriptors, cancel: Event
    ) -> None:
        """Start a job. Raises Unavailable; NotStarted when it is cancelled or times out before."""
        try:
            with self._connection(configuration, order["timeout"], cancel) as connection:
                hand_over(connection, order, descriptors)
        except (Failed, OSError) as error:
            self._give_up(error)

    def warm_up(self, configuration: Configuration) -> None:
        """Have a server ready for the first run. Raises Unavailable, NotStarted when it is busy."""
        try:
            self._connection(configuration, PATIENCE, Event()).close()
        except (Failed, OSError) as error:
            self._give_up(error)

    def _connection(self, configuration: Configuration, patience: float, cancel: Event) -> socket.socket:
        path = self.folder / f"{configuration.key}.sock"
        with suppress(OSError):
            return connect(path, patience, cancel)
        if self._setbacks.resting():
            raise Unavailable
        _make_private(self.folder)
        with _locked(self.folder / "lock", cancel):
            with suppress(OSError):
                return connect(path, patience, cancel)  # somebody else has started it meanwhile
            self._start_server(path, configuration, cancel)
        return connect(path, patience, cancel)

    def _start_server(self, path: Path, configuration: Configuration, cancel: Event) -> None:
        if os.getpid() == self.owner:
            atexit.register(rmtree, self.folder, ignore_errors=True)
        for old in self.folder.glob("*.sock"):
            old.unlink(missing_ok=True)  # a server whose socket is gone goes, too
        began = time.monotonic()
        order: ServerOrder = {
            "socket": str(path),
            "cwd": str(configuration.cwd),
            "owner": self.owner,
            "ready": -1,
            "jobs": self.jobs,
            "idle": self.idle,
        }
        launch(order, configuration, cancel)
        self._setbacks.over()
        log.info(
            "Ansible is kept ready", folder=str(configuration.cwd), seconds=round(time.monotonic() - began, 1)
        )

    @property
    def _setbacks(self) -> Setbacks:
        return Setbacks(self.folder / "setback")

    def _give_up(self, error: Exception) -> NoReturn:
        if _is_private(self.folder):
            self._setbacks.record(str(error) or type(error).__name__)
        else:
            log.warning(
                "no fork server, the folder for its socket is not ours alone", folder=str(self.folder)
            )
        raise Unavailable from error


def _make_private(folder: Path) -> None:
    """Make the folder. Raises OSError, also when there is one that is not ours alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


@contextmanager
def _locked(path: Path, cancel: Event) -> Iterator[None]:
    """Hold the lock, so that one process starts the server and the others wait. Raises Failed, NotStarted."""
    until = time.monotonic() + PATIENCE
    with path.open("w") as file:
        while not _lock(file.fileno()):
            if cancel.wait(TICK):
                raise NotStarted("cancelled")
            if time.monotonic() > until:
                raise Failed("another process takes too long to start it")
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

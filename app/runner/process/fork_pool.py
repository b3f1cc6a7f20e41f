"""Starts commands in forks of a process that has Ansible loaded, which saves each run a second."""

import atexit
import fcntl
import os
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import NoReturn

from app.core.logging import get_logger
from app.runner.fork_server.protocol import Command, Descriptors, ServerOptions
from app.runner.process.client import CHECK_INTERVAL, NoForkServer, StartAborted, connect, hand_over
from app.runner.process.fingerprint import fingerprint, shared_environment
from app.runner.process.fork_server_launch import START_TIMEOUT, StartFailed, launch
from app.runner.process.own_folders import FORK_SERVERS, mark
from app.runner.process.start_backoff import StartBackoff

log = get_logger(__name__)


class _Worker:
    """Whose fork servers they are: the processes of a worker's pool, which are its forks, share them."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._name = f"{FORK_SERVERS}{mark()}{secrets.token_hex(4)}"

    @property
    def folder(self) -> Path:
        """Where its fork servers listen."""
        return Path(tempfile.gettempdir()) / self._name


_worker = _Worker()


def own_fork_servers() -> None:
    """Have fork servers of one's own: this process may be a fork of one that has imported this, too."""
    global _worker
    _worker = _Worker()


@dataclass(frozen=True, slots=True)
class ForkPool:
    """The fork servers of a worker: one for each fingerprint, started when a run needs it."""

    jobs: int  # commands that run at the same time in one server; further ones wait
    idle: float  # seconds without a run after which a server ends
    folder: Path = field(default_factory=lambda: _worker.folder)  # of mode 0700, for the servers' sockets
    owner: int = field(default_factory=lambda: _worker.owner)  # the process with which the servers end

    def start(self, command: Command, descriptors: Descriptors, cancel: Event) -> None:
        """Start a command in a fork.

        Raises NoForkServer; StartAborted when the command is cancelled or out of time before it is started.
        """
        cwd = Path(command.cwd)
        try:
            with self._connect(command.environment, cwd, command.timeout, cancel) as connection:
                hand_over(connection, command, descriptors)
        except (StartFailed, OSError) as error:
            self._give_up(error)

    def warm_up(self, environment: Mapping[str, str], cwd: Path) -> None:
        """Start the server for such runs now. Raises NoForkServer; StartAborted when it is busy."""
        try:
            self._connect(environment, cwd, START_TIMEOUT, Event()).close()
        except (StartFailed, OSError) as error:
            self._give_up(error)

    def _connect(
        self, environment: Mapping[str, str], cwd: Path, timeout: float, cancel: Event
    ) -> socket.socket:
        path = self.folder / f"{fingerprint(environment, cwd)}.sock"
        with suppress(OSError):
            return connect(path, timeout, cancel)
        if self.start_backoff.is_pausing():
            raise NoForkServer
        _make_private(self.folder)
        with _locked(self.folder / "lock", cancel):
            with suppress(OSError):
                return connect(path, timeout, cancel)  # another process has started it meanwhile
            self._start_server(path, environment, cwd, cancel)
        return connect(path, timeout, cancel)

    def _start_server(self, path: Path, environment: Mapping[str, str], cwd: Path, cancel: Event) -> None:
        if os.getpid() == self.owner:
            atexit.register(rmtree, self.folder, ignore_errors=True)
        for outdated in self.folder.glob("*.sock"):
            outdated.unlink(missing_ok=True)  # which ends the server of another fingerprint
        began = time.monotonic()
        options = ServerOptions(str(path), str(cwd), self.owner, self.jobs, self.idle)
        launch(options, shared_environment(environment), cancel)
        self.start_backoff.reset()
        log.info("Ansible is kept ready", folder=str(cwd), seconds=round(time.monotonic() - began, 1))

    @property
    def start_backoff(self) -> StartBackoff:
        """When a server is started again after a start that failed."""
        return StartBackoff(self.folder / "start-backoff.json")

    def _give_up(self, error: Exception) -> NoReturn:
        if _is_private(self.folder):
            self.start_backoff.record_failure(str(error) or type(error).__name__)
        else:
            log.warning(
                "no fork server can be used: other users can reach the folder of its socket; each run starts "
                "Ansible itself and takes longer; remove the folder, or set TMPDIR to another place",
                folder=str(self.folder),
            )
        raise NoForkServer from error


def _make_private(folder: Path) -> None:
    """Make the folder. Raises OSError, also when there is one that other users can reach."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


@contextmanager
def _locked(path: Path, cancel: Event) -> Iterator[None]:
    """Hold the lock, so that one process starts the server while others wait.

    Raises StartFailed when another process holds it for too long; StartAborted when cancelled.
    """
    deadline = time.monotonic() + START_TIMEOUT
    with path.open("w") as file:
        while not _lock(file.fileno()):
            if cancel.wait(CHECK_INTERVAL):
                raise StartAborted("cancelled")
            if time.monotonic() > deadline:
                raise StartFailed("another process of this worker takes too long to start a fork server")
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""A Kafka-protocol broker in a process of its own, started and stopped by a test."""

import ctypes
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.eventually import eventually
from tests.support.free_port import free_port

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Broker:
    """A broker on a loopback port, its data and log in a directory of its own."""

    kind = "broker"
    start_limit = 60.0  # seconds
    stop_limit = 15.0  # seconds
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What goes into `bootstrap.servers`."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> Sequence[str | Path]:
        """The command line that runs the broker in the foreground."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Called before each start: write what the broker needs."""

    def start(self) -> Self:
        """Start the broker and wait until it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in self.command()],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """Send the stop signal; kill the process if it has not ended after `stop_limit`."""
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(self.stop_limit)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Let it stand still, as a machine does that swaps: connections stay open, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop the broker and delete its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.directory / "broker.log"

    def _wait_until_ready(self) -> None:
        try:
            eventually(self._ready, self.start_limit, pause=0.05)
        except AssertionError as error:
            self.stop()
            raise RuntimeError(f"{self.kind} did not start:\n{self._log.read_text()[-4000:]}") from error

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the process has ended"
        return _listens(self.port) and _answers(self.address)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(address: str) -> bool:
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

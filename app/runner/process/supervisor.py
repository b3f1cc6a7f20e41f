"""The supervisor: follows one command under its reaper, and reads all that the command writes."""

import json
import os
import select
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from io import FileIO
from threading import Event
from typing import NamedTuple, Self

from app.runner.fork_server.protocol import BEAT, CANCEL, ENTRY, EVENTS_VARIABLE, Command, Descriptors
from app.runner.fork_server.reaper import KILL_TIMEOUT
from app.runner.process.client import CHECK_INTERVAL, NoForkServer, StartAborted
from app.runner.process.leftovers import kill_processes_of
from app.runner.process.stream import Lines, Tail

MAX_OUTPUT = 256 * 1024  # bytes of output that are kept: the last ones
_MAX_REPORT = 4096  # bytes
_BEAT_SHARE = 0.2  # of the silence that the reaper puts up with


class Exit(NamedTuple):
    """How a command ended; every process that it started has ended, too."""

    rc: int | None  # None when it was killed
    why: str | None  # "timeout", "cancelled", "frozen" or "lost" when it did not end by itself
    output: str


# Starts a command and its reaper; returns the reaper's process if it is a child of this one.
# Raises OSError, NoForkServer, StartAborted.
Starter = Callable[[Command, Descriptors, Event], subprocess.Popen[bytes] | None]


def supervise(
    command: Command, on_line: Callable[[bytes], None], cancel: Event, start_fork: Starter | None = None
) -> Exit:
    """Run the command to its end, until its timeout, or until `cancel` is set. Raises OSError.

    `start_fork` starts it; without that, or when no fork server can be used, it gets a process of its own.
    `on_line` gets each line that the command writes to the descriptor named by DNS_EVENTS_FD. However this
    call ends, by an exception too, every process of the command has ended by then.
    """
    try:
        if start_fork is not None:
            with suppress(NoForkServer), _RunningCommand(command, start_fork, cancel) as running:
                return running.follow(on_line)
        with _RunningCommand(command, start_process, cancel) as running:
            return running.follow(on_line)
    except StartAborted as aborted:
        return Exit(rc=None, why=aborted.why, output="")


def start_process(command: Command, descriptors: Descriptors, _: Event) -> subprocess.Popen[bytes]:
    """Start the command in a process of its own, under a reaper that is our child."""
    # Every user can read a command line, and the environment may hold secrets. The reaper has it already.
    public = command._replace(environment={})
    arguments = ["reaper", public.to_json(), json.dumps(descriptors)]
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", ENTRY, *arguments],
        env={**command.environment, EVENTS_VARIABLE: str(descriptors.events)},
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=descriptors.output,
        stderr=subprocess.STDOUT,
        pass_fds=(descriptors.events, descriptors.control, descriptors.report),
        start_new_session=True,
    )


class _Pipe:
    """A pipe; both ends are closed to children unless they are passed on."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.read = FileIO(read, "rb")
        self.write = FileIO(write, "wb")

    def close(self) -> None:
        self.read.close()
        self.write.close()


class _RunningCommand:
    """A command from its start to its end, as a context: leaving it ends the command."""

    def __init__(self, command: Command, start: Starter, cancel: Event) -> None:
        self._command = command
        self._start = start
        self._cancel = cancel
        self._stack = ExitStack()
        self._output_tail = Tail(MAX_OUTPUT)
        self._report_tail = Tail(_MAX_REPORT)
        self._last_beat = 0.0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            pipes = [_Pipe() for _ in Descriptors._fields]
            for pipe in pipes:
                stack.callback(pipe.close)
            self._events, self._output, self._report, self._control = pipes
            self._reaper = self._start(self._command, self._descriptors(), self._cancel)
            for pipe in (self._events, self._output, self._report):
                pipe.write.close()
            self._control.read.close()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the reaper, which ends everything when the control pipe is closed.

        Of a reaper that was killed there is no report; then what it leaves behind is ended here.
        """
        self._control.write.close()
        deadline = time.monotonic() + self._command.grace + KILL_TIMEOUT + 1
        while time.monotonic() < deadline and not self._reaper_has_ended(deadline - time.monotonic()):
            pass
        if self._reaper is not None:
            _collect(self._reaper)
        if not self._report_tail.text():
            kill_processes_of(self._command.folder)
        self._stack.close()

    def _descriptors(self) -> Descriptors:
        return Descriptors(
            events=self._events.write.fileno(),
            output=self._output.write.fileno(),
            report=self._report.write.fileno(),
            control=self._control.read.fileno(),
        )

    def _reaper_has_ended(self, seconds: float) -> bool:
        """Wait for the next data from the reaper; return whether it has closed its end instead."""
        ready, _, _ = select.select([self._report.read], [], [], seconds)
        return bool(ready) and not os.read(self._report.read.fileno(), _MAX_REPORT)

    def follow(self, on_line: Callable[[bytes], None]) -> Exit:
        """Read all that the command writes, until its reaper has ended."""
        consumers: dict[FileIO, Callable[[bytes], None]] = {
            self._events.read: Lines(on_line).feed,
            self._output.read: self._output_tail.feed,
            self._report.read: self._report_tail.feed,
        }
        with selectors.DefaultSelector() as selector:
            for file, consumer in consumers.items():
                os.set_blocking(file.fileno(), False)
                selector.register(file, selectors.EVENT_READ, consumer)
            self._read_until_end(selector)
        return self._exit()

    def _read_until_end(self, selector: selectors.BaseSelector) -> None:
        """Read until the reaper has ended; by then all that the command wrote is in the pipes."""
        cancelled = ended = False
        os.set_blocking(self._control.write.fileno(), False)
        while not ended:
            self._beat()
            for key, _ in selector.select(CHECK_INTERVAL):
                if not _read(key):
                    selector.unregister(key.fileobj)
                    ended = ended or key.fileobj is self._report.read
            if self._cancel.is_set() and not cancelled:
                cancelled = True
                self._tell(CANCEL)
        for key in list(selector.get_map().values()):
            while _read(key):
                pass

    def _beat(self) -> None:
        """Tell the reaper now and then that this process is alive, and so may keep its lease."""
        silence = self._command.silence
        if silence is not None and time.monotonic() - self._last_beat > silence * _BEAT_SHARE:
            self._last_beat = time.monotonic()
            self._tell(BEAT)

    def _tell(self, word: bytes) -> None:
        with suppress(BrokenPipeError):  # the reaper has ended, which the report pipe tells
            self._control.write.write(word)

    def _exit(self) -> Exit:
        output = self._output_tail.text()
        try:
            report = json.loads(self._report_tail.text())
            status, why = report["status"], report["why"]
        except ValueError:
            status, why = None, "lost"  # the reaper was killed
        if why is None and (status is None or status < 0):
            why = "lost"  # the command was killed, and not by the reaper
        return Exit(rc=None if why else status, why=why, output=output)


def _collect(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(key: selectors.SelectorKey) -> bool:
    """Pass what can be read now to its consumer; return whether there was anything."""
    try:
        data = os.read(key.fd, 65536)
    except BlockingIOError:
        return False
    key.data(data)
    return bool(data)

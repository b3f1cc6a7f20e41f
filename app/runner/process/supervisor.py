"""Process control: follows one command under its reaper, without losing a line that it says."""

import json
import os
import select
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import Event
from typing import NamedTuple, Self

from app.runner.fork_server import reaper
from app.runner.fork_server.protocol import EVENTS_VARIABLE, Descriptors, JobOrder
from app.runner.process.client import TICK, NotStarted, Unavailable
from app.runner.process.stream import Lines, Tail

GRACE = 3.0  # seconds between asking a process to end and killing it
MAX_OUTPUT = 256 * 1024  # bytes of output that are kept: the last ones


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run. Its own folder is removed for the worker should the worker die."""

    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    folder: Path
    timeout: float  # seconds


class Exit(NamedTuple):
    """How a command ended; every process that it started has ended, too."""

    rc: int | None  # None when it was killed
    why: str | None  # "timeout", "cancelled" or "lost" when it did not end by itself
    output: str


# Starts a job's reaper; returns it where it is our child. Raises Unavailable, NotStarted, OSError.
Starter = Callable[[JobOrder, Descriptors, Event], subprocess.Popen[bytes] | None]


def supervise(job: Job, on_line: Callable[[bytes], None], cancel: Event, warm: Starter | None = None) -> Exit:
    """Run the command to its end, or until its time is over or `cancel` is set. Raises OSError.

    `warm` starts it; without that, or when that is unavailable, it is started as any process. `on_line` gets
    each line that the command writes to the descriptor named by DNS_EVENTS_FD. Whatever ends this call, an
    exception too, also ends every process of the command.
    """
    try:
        if warm is not None:
            with suppress(Unavailable), _Supervision(job, warm, cancel) as supervision:
                return supervision.follow(on_line)
        with _Supervision(job, start_cold, cancel) as supervision:
            return supervision.follow(on_line)
    except NotStarted as waited:
        return Exit(rc=None, why=waited.why, output="")


def start_cold(order: JobOrder, ends: Descriptors, _: Event) -> subprocess.Popen[bytes]:
    """Start the command under a reaper of its own."""
    reaper_order: reaper.Order = {
        "command": list(order["command"]),
        "timeout": order["timeout"],
        "grace": order["grace"],
        "control": ends.control,
        "report": ends.report,
        "folder": order["folder"],
    }
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", reaper.__file__, json.dumps(reaper_order)],
        env={**order["environment"], EVENTS_VARIABLE: str(ends.events)},
        cwd=order["cwd"],
        stdin=subprocess.DEVNULL,
        stdout=ends.output,
        stderr=subprocess.STDOUT,
        pass_fds=(ends.events, ends.control, ends.report),
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


class _Supervision:
    def __init__(self, job: Job, start: Starter, cancel: Event) -> None:
        self._job = job
        self._start = start
        self._cancel = cancel
        self._stack = ExitStack()
        self._tail = Tail(MAX_OUTPUT)
        self._report = Tail(4096)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            pipes = [_Pipe() for _ in range(4)]
            for pipe in pipes:
                stack.callback(pipe.close)
            self._events, self._output, self._reports, self._control = pipes
            self._process = self._start(self._order(), self._ends(), self._cancel)
            for pipe in (self._events, self._output, self._reports):
                pipe.write.close()
            self._control.read.close()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the reaper, which ends everything when the control pipe is closed."""
        self._control.write.close()
        until = time.monotonic() + GRACE + reaper.LAST_RESORT + 1
        while time.monotonic() < until and not self._reaper_has_ended(until - time.monotonic()):
            pass
        if self._process is not None:
            _collect(self._process)
        self._stack.close()

    def _order(self) -> JobOrder:
        return {
            "command": self._job.command,
            "environment": self._job.environment,
            "cwd": str(self._job.cwd),
            "folder": str(self._job.folder),
            "timeout": self._job.timeout,
            "grace": GRACE,
        }

    def _ends(self) -> Descriptors:
        return Descriptors(
            self._events.write.fileno(),
            self._output.write.fileno(),
            self._reports.write.fileno(),
            self._control.read.fileno(),
        )

    def _reaper_has_ended(self, seconds: float) -> bool:
        """Wait for its next word; return whether that was its last."""
        ready, _, _ = select.select([self._reports.read], [], [], seconds)
        return bool(ready) and not os.read(self._reports.read.fileno(), 4096)

    def follow(self, on_line: Callable[[bytes], None]) -> Exit:
        feeds: dict[FileIO, Callable[[bytes], None]] = {
            self._events.read: Lines(on_line).feed,
            self._output.read: self._tail.feed,
            self._reports.read: self._report.feed,
        }
        with selectors.DefaultSelector() as selector:
            for file, feed in feeds.items():
                os.set_blocking(file.fileno(), False)
                selector.register(file, selectors.EVENT_READ, feed)
            self._watch(selector)
        return self._exit()

    def _watch(self, selector: selectors.BaseSelector) -> None:
        """Feed what comes until the reaper has ended; all that the command said is in the pipes by then."""
        cancelled = ended = False
        while not ended:
            for key, _ in selector.select(TICK):
                if not _feed(key):
                    selector.unregister(key.fileobj)
                    ended = ended or key.fileobj is self._reports.read
            if self._cancel.is_set() and not cancelled:
                cancelled = True
                self._control.write.write(b"c")
        for key in list(selector.get_map().values()):
            while _feed(key):
                pass

    def _exit(self) -> Exit:
        output = self._tail.text()
        try:
            report = json.loads(self._report.text())
            status, why = report["status"], report["why"]
        except ValueError:
            status, why = None, "lost"
        if why is None and (status is None or status < 0):
            why = "lost"  # somebody else killed it
        return Exit(rc=None if why else status, why=why, output=output)


def _collect(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _feed(key: selectors.SelectorKey) -> bool:
    """Pass on what can be read; return whether there was anything."""
    try:
        data = os.read(key.fd, 65536)
    except BlockingIOError:
        return False
    key.data(data)
    return bool(data)

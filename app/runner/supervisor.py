"""Process control: runs one command under a reaper, and waits for it without losing a line that it says."""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import Event
from typing import NamedTuple, Self

from app.runner import reaper
from app.runner.stream import Lines, Tail

GRACE = 3.0  # seconds between asking a process to end and killing it
TICK = 0.05  # seconds between looks at the cancel event
MAX_OUTPUT = 256 * 1024  # bytes of output that are kept: the last ones
EVENTS_VARIABLE = "DNS_EVENTS_FD"


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


def supervise(job: Job, on_line: Callable[[bytes], None], cancel: Event) -> Exit:
    """Run the command to its end, or until its time is over or `cancel` is set. Raises OSError.

    `on_line` gets each line that the command writes to the descriptor named by DNS_EVENTS_FD. Whatever ends
    this call, an exception too, also ends every process of the command.
    """
    with _Supervision(job) as supervision:
        return supervision.follow(on_line, cancel)


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
    def __init__(self, job: Job) -> None:
        self._job = job
        self._stack = ExitStack()
        self._tail = Tail(MAX_OUTPUT)
        self._report = Tail(4096)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            pipes = [_Pipe() for _ in range(4)]
            for pipe in pipes:
                stack.callback(pipe.close)
            self._events, self._output, self._reports, self._control = pipes
            self._process = self._start()
            for pipe in (self._events, self._output, self._reports):
                pipe.write.close()
            self._control.read.close()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._control.write.close()
        try:
            self._process.wait(GRACE + reaper.LAST_RESORT + 1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stack.close()

    def _start(self) -> subprocess.Popen[bytes]:
        order: reaper.Order = {
            "command": list(self._job.command),
            "timeout": self._job.timeout,
            "grace": GRACE,
            "control": self._control.read.fileno(),
            "report": self._reports.write.fileno(),
            "folder": str(self._job.folder),
        }
        events = self._events.write.fileno()
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", reaper.__file__, json.dumps(order)],
            env={**self._job.environment, EVENTS_VARIABLE: str(events)},
            cwd=self._job.cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._output.write,
            stderr=subprocess.STDOUT,
            pass_fds=(events, order["control"], order["report"]),
            start_new_session=True,
        )

    def follow(self, on_line: Callable[[bytes], None], cancel: Event) -> Exit:
        feeds: dict[FileIO, Callable[[bytes], None]] = {
            self._events.read: Lines(on_line).feed,
            self._output.read: self._tail.feed,
            self._reports.read: self._report.feed,
        }
        with selectors.DefaultSelector() as selector:
            for file, feed in feeds.items():
                os.set_blocking(file.fileno(), False)
                selector.register(file, selectors.EVENT_READ, feed)
            self._watch(selector, cancel)
        return self._exit()

    def _watch(self, selector: selectors.BaseSelector, cancel: Event) -> None:
        """Feed what comes until the reaper has ended; all that the command said is in the pipes by then."""
        cancelled = ended = False
        while not ended:
            for key, _ in selector.select(TICK):
                if not _feed(key):
                    selector.unregister(key.fileobj)
                    ended = ended or key.fileobj is self._reports.read
            if cancel.is_set() and not cancelled:
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


def _feed(key: selectors.SelectorKey) -> bool:
    """Pass on what can be read; return whether there was anything."""
    try:
        data = os.read(key.fd, 65536)
    except BlockingIOError:
        return False
    key.data(data)
    return bool(data)

"""Lines of the log that stay whole, though several processes write them to one pipe.

The kernel keeps a write together up to 4,096 bytes (PIPE_BUF). Longer ones it tears apart where another
process writes in between.
"""

import fcntl
import io
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging import LogRecord, StreamHandler
from typing import IO, TextIO

MAX_WHOLE = 4096  # bytes: PIPE_BUF
_PATIENCE = 1.0  # seconds: then a line is written, even if another process was stopped while it wrote
_POLL = 0.001  # seconds


class Turns:
    """Turns at writing, of this process and all that are forked from it: fcntl(2)'s locks are processes'."""

    def __init__(self, descriptor: int, *, forks: bool) -> None:
        shared = forks and _is_pipe(descriptor)
        self._file: IO[bytes] | None = tempfile.TemporaryFile() if shared else None  # noqa: SIM115

    @property
    def needed(self) -> bool:
        """Whether other processes may write to the same pipe."""
        return self._file is not None

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for this process's turn, and have it for the block."""
        taken = self._file is not None and _lock(self._file)
        try:
            yield
        finally:
            if taken and self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


class WholeLineHandler(StreamHandler[TextIO]):
    """A handler that writes each line in its turn."""

    def __init__(self, stream: TextIO, turns: Turns) -> None:
        super().__init__(stream)
        self.turns = turns

    def emit(self, record: LogRecord) -> None:
        """Write the record's line."""
        if not self.turns.needed:
            super().emit(record)
            return
        with self.turns.take():
            super().emit(record)


class StderrAsJson(io.TextIOBase):
    """Takes the place of `sys.stderr`: what a library prints there by itself becomes lines of the log."""

    def __init__(self, process: str, turns: Turns) -> None:
        self._process, self._turns = process, turns
        self._pid, self._begun = 0, ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write the lines that are complete with this text, each as JSON."""
        if self._pid != os.getpid():  # what the parent had begun is the parent's
            self._pid, self._begun = os.getpid(), ""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in filter(str.strip, lines):
            self._write_line(line)
        return len(text)

    def _write_line(self, line: str) -> None:
        at = datetime.now(UTC).isoformat()
        fields = {"logger": "stderr", "level": "warning", "at": at, "process": self._process, "message": line}
        with self._turns.take():
            os.write(1, json.dumps(fields).encode() + b"\n")


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _lock(file: IO[bytes]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_POLL)
        except OSError:
            return False
        else:
            return True
    return False

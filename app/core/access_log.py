"""The access log: a JSON line for each call of the API.

Most lines of the API are these. A LogRecord and a write for each take longer than to read the call: here
those of one turn of the event loop are written together.
"""

import asyncio
import logging
from collections import deque
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import TextIO, cast

from pydantic_core import to_json

from app.core.whole_lines import MAX_WHOLE

_NAME = "uvicorn.access"


class AccessLog(logging.Handler):
    """Handles what is logged to `uvicorn.access`; connections give it their lines without a LogRecord."""

    def __init__(self, stream: TextIO, process: str) -> None:
        super().__init__()
        self._stream = stream
        self._process = process
        self._logger = logging.getLogger(_NAME)
        self._waiting: deque[str] = deque()  # lines of this turn of the loop

    def info(self, _: str, client: str, method: str, path: str, __: str, status: int) -> None:
        """Log a call, as uvicorn does: with the message of a line, and what is to stand in it."""
        if self._logger.isEnabledFor(logging.INFO):
            self._add(datetime.now(UTC), client, method, path, status)

    def emit(self, record: logging.LogRecord) -> None:
        """Log the call of a record."""
        client, method, path, _, status = cast(tuple[str, str, str, str, int], record.args)
        self._add(datetime.fromtimestamp(record.created, UTC), client, method, path, status)

    def _add(self, at: datetime, client: str, method: str, path: str, status: int) -> None:
        line = {
            "logger": _NAME,
            "level": "info",
            "at": at,
            "process": self._process,
            "message": f"{method} {path} {status}",
            "client": client,
            "method": method,
            "path": path,
            "status": status,
        }
        self._waiting.append(to_json(line).decode() + "\n")
        if len(self._waiting) == 1:
            self._write_soon()

    def _write_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write the lines that wait, in pieces that stay whole; the end of the process calls it, too."""
        # an OSError: the reader has gone
        with self.lock or nullcontext(), suppress(OSError, ValueError):
            while self._waiting:
                self._stream.write(self._next_piece())
                self._stream.flush()

    def _next_piece(self) -> str:
        piece = self._waiting.popleft()
        while self._waiting and len(piece) + len(self._waiting[0]) <= MAX_WHOLE:
            piece += self._waiting.popleft()
        return piece


def log_access_with(handler: AccessLog) -> None:
    """Let nothing else handle the lines of calls."""
    logger = logging.getLogger(_NAME)
    logger.handlers[:] = [handler]
    logger.propagate = False


def access_log() -> AccessLog | None:
    """Return the access log of this process; None where its lines are for people."""
    handlers = logging.getLogger(_NAME).handlers
    return next((each for each in handlers if isinstance(each, AccessLog)), None)

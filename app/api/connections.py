"""Bounds for every connection to the API: heads in bytes and seconds, calls ahead, unread answers, shutdowns.

uvicorn with httptools bounds none of them. It decides on its protocol class before it imports the application
(with `--workers` and `--reload`), so its own class is told to make ours: that way they hold for a plain
`uvicorn app.main:app` as well. Bodies are bounded by `body_limits.py`, idle connections by uvicorn.
"""

import asyncio
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from app.api.joined_writes import JoinedWrites
from app.core.access_log import access_log
from app.core.config import settings

MAX_HEAD = 64 * 1024  # bytes of a request line and its headers, or of a body's framing
MAX_AHEAD = 16  # calls of one connection that have been read and wait for their turn; a slice may bring more
SLICE = 4096  # bytes that are read at once: some 200 of the smallest calls
HEAD_TIMEOUT = 10.0  # seconds until a head must be complete
READ_TIMEOUT = 60.0  # seconds in which a client must have read something of its answer
BODY_SHUTDOWN_TIMEOUT = 3.0  # seconds, when the process ends, for calls whose bodies have not come yet
_CHECK_INTERVAL = 1.0  # seconds
_SOCKET_OPTIONS = {  # a client whose machine has gone is noticed within 90 s
    "SO_KEEPALIVE": (socket.SOL_SOCKET, 1),
    "TCP_KEEPIDLE": (socket.IPPROTO_TCP, 60),
    "TCP_KEEPINTVL": (socket.IPPROTO_TCP, 10),
    "TCP_KEEPCNT": (socket.IPPROTO_TCP, 3),
    "TCP_USER_TIMEOUT": (socket.IPPROTO_TCP, 60_000),  # milliseconds
}

_checked: WeakSet[ServerState] = WeakSet()  # the servers whose connections are looked at
_at_shutdown: list[Callable[[], None]] = []  # what is called when connections are told to end


class _Flow(FlowControl):
    """Reads nothing while calls wait for their turn: uvicorn reads on after each answer."""

    calls_wait = False

    def resume_reading(self) -> None:
        if not self.calls_wait:
            super().resume_reading()


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection, within limits."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.access_logger = access_log() or self.access_logger  # type: ignore[assignment]
        self.flow: _Flow
        self._ahead = memoryview(b"")  # what has come, and is read when calls before it are answered
        self._head_since = 0.0  # when a head began to come; 0: none is coming
        self._unread = 0  # bytes that came since the last head or part of a body
        self._too_large = False
        self._unsent = 0  # bytes of answers, when it was last checked
        self._stalled_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._answers = JoinedWrites(transport, self.loop)
        _set_socket_options(transport.get_extra_info("socket"))
        self._head_since = self.loop.time()
        if self.server_state not in _checked:
            _checked.add(self.server_state)
            self.loop.call_later(_CHECK_INTERVAL, _check_all, self.loop, self.server_state)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the calls that wait: they refer to their connection, and the collector comes seldom."""
        super().connection_lost(exc)
        self.pipeline.clear()
        self._ahead = memoryview(b"")
        self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Read what has come, as far as calls may be read ahead."""
        if self.flow.calls_wait or len(data) > SLICE:
            self._ahead = memoryview(bytes(self._ahead) + data)
            self._read_ahead()
        else:
            self._read(data)
            self.flow.calls_wait = bool(self.pipeline)

    def on_response_complete(self) -> None:
        """Go on with the next call, and read further ones in its place."""
        self._answers.end()
        super().on_response_complete()
        if self.flow.calls_wait:
            self._read_ahead()
            self.flow.resume_reading()

    def _read_ahead(self) -> None:
        while self._ahead and len(self.pipeline) < MAX_AHEAD and not self.transport.is_closing():
            part, self._ahead = self._ahead[:SLICE], self._ahead[SLICE:]
            self._read(part)
        if self.transport.is_closing():
            return
        self.flow.calls_wait = bool(self._ahead or self.pipeline)
        if self.flow.calls_wait:
            self.flow.pause_reading()

    def _read(self, data: bytes | memoryview) -> None:
        if self._too_large:
            return  # it has its answer, and would lose it if it were cut off in the middle of what it sends
        if not self._head_since and (self.cycle is None or self.cycle.response_complete):
            self._head_since = self.loop.time()
        self._unread += len(data)
        super().data_received(data)  # type: ignore[arg-type]
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            self._refuse_head()

    def on_headers_complete(self) -> None:
        """Begin with the call, unless its head is too large."""
        self._head_since = 0.0
        if self._unread > MAX_HEAD and self._head_size() > MAX_HEAD:
            self._refuse_head()
            raise ValueError("the head is too large")  # ends the parsing
        self._unread = 0
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = self._answers  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unread = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close the connection."""
        if not self._too_large:
            super().send_400_response(msg)

    def shutdown(self) -> None:
        """End after the calls that have been read; at last, without their answers."""
        self._ahead = memoryview(b"")
        for call in _at_shutdown:
            call()
        super().shutdown()
        incomplete = self.cycle is not None and self.cycle.more_body
        seconds = BODY_SHUTDOWN_TIMEOUT if incomplete else settings().stop_timeout
        self.loop.call_later(seconds, self.transport.abort)
        # What is done for these calls ends then, too: uvicorn asks for this after telling all connections.
        self.config.timeout_graceful_shutdown = math.ceil(settings().stop_timeout)

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow, either way."""
        if self._head_since and now - self._head_since > HEAD_TIMEOUT:
            self.transport.close()
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent or not self._stalled_since:
            self._stalled_since = now
        elif now - self._stalled_since > READ_TIMEOUT:
            self.transport.abort()
        self._unsent = unsent

    def _refuse_head(self) -> None:
        self._too_large = True
        self._head_since = self.loop.time()  # from here on it may end what it sends
        content = b'{"detail":"the request line and the headers are larger than %d bytes"}' % MAX_HEAD
        headers = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[431] + headers % len(content) + content)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)


def install() -> None:
    """Have uvicorn make bounded connections in this process, however it was started."""
    HttpToolsProtocol.__new__ = lambda *_, **__: object.__new__(BoundedConnection)  # type: ignore[assignment, method-assign]


@contextmanager
def called_at_shutdown(call: Callable[[], None]) -> Iterator[None]:
    """Have `call` called, perhaps often, when connections are told to end: answers that wait can end, too.

    The lifespan's end is too late for that: uvicorn comes to it when all connections are closed.
    """
    _at_shutdown.append(call)
    try:
        yield
    finally:
        _at_shutdown.remove(call)


def _check_all(loop: asyncio.AbstractEventLoop, server: ServerState) -> None:
    for connection in list(server.connections):
        if isinstance(connection, BoundedConnection):
            connection.check(loop.time())
    loop.call_later(_CHECK_INTERVAL, _check_all, loop, server)


def _set_socket_options(of: Any) -> None:
    """Have the kernel notice a client that has gone. Unix sockets, and some systems, have no such options."""
    for name, (level, value) in _SOCKET_OPTIONS.items():
        with suppress(OSError, AttributeError):
            of.setsockopt(level, getattr(socket, name), value)

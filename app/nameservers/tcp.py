"""Many questions over one TCP connection, several of them on their way at a time (RFC 7766 6.2.1.1)."""

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

from app.domain.server import Server
from app.nameservers import message
from app.nameservers.errors import ServerUnreachable

WINDOW = 256  # questions on their way: enough to hide the round trip, far below what a server buffers
_READ = 256 * 1024  # octets
_LENGTH = struct.Struct("!H")


def replies(server: Server, questions: Iterable[bytes], timeout: float) -> Iterator[tuple[int, bytes]]:
    """The reply to each of `questions`, with the question's index, in the order in which they come.

    A server may hang up when it has answered a number of questions: the rest is asked again.
    Raises ServerUnreachable when `timeout` seconds pass without a reply.
    """
    left = dict(enumerate(questions))
    while left:
        before = len(left)
        for index, wire in _over_one_connection(server, list(left.items()), timeout):
            del left[index]
            yield index, wire
        if len(left) == before:
            raise ServerUnreachable(server, "it hung up without an answer")


def _over_one_connection(
    server: Server, questions: list[tuple[int, bytes]], timeout: float
) -> Iterator[tuple[int, bytes]]:
    with _connected(server, timeout) as sock, DefaultSelector() as selector:
        conversation = _Conversation(sock, questions)
        selector.register(sock, EVENT_READ | EVENT_WRITE)
        deadline = time.monotonic() + timeout
        while not conversation.finished:
            selector.modify(sock, EVENT_READ | (EVENT_WRITE if conversation.to_send else 0))
            selector.select(max(0.0, deadline - time.monotonic()))
            if not conversation.exchange():
                return
            for answered in conversation.take():
                deadline = time.monotonic() + timeout
                yield answered
            if time.monotonic() > deadline:
                raise ServerUnreachable(server, f"no answer within {timeout:g} s")


def _connected(server: Server, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection(server, timeout)
    except OSError as error:
        raise ServerUnreachable(server, str(error) or "no connection") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


class _Conversation:
    """What has been said on one connection. Neither side's buffers can fill up: it reads while it writes."""

    def __init__(self, sock: socket.socket, questions: Iterable[tuple[int, bytes]]) -> None:
        self._sock = sock
        self._questions = iter(questions)
        self._free = list(range(WINDOW))  # ids
        self._asked: dict[int, tuple[int, bytes]] = {}  # by id: a question on its way, and its index
        self._out = bytearray()
        self._in = bytearray()
        self._ask_more()

    @property
    def to_send(self) -> bool:
        return bool(self._out)

    @property
    def finished(self) -> bool:
        return not self._asked

    def exchange(self) -> bool:
        """Send and receive what goes without waiting; False when the server has hung up."""
        with suppress(OSError):  # when it has hung up there may still be replies to read
            self._send()
        try:
            return self._receive()
        except OSError:
            return False

    def take(self) -> Iterator[tuple[int, bytes]]:
        """The replies that have come in whole."""
        position = 0
        while (end := self._end_of_message(position)) <= len(self._in):
            wire = bytes(self._in[position + _LENGTH.size : end])
            position = end
            if (index := self._settle(wire)) is not None:
                yield index, wire
        del self._in[:position]
        self._ask_more()

    def _ask_more(self) -> None:
        while self._free and (item := next(self._questions, None)):
            query_id = self._free.pop()
            self._asked[query_id] = item
            self._out += message.query(query_id, item[1])

    def _send(self) -> None:
        if self._out:
            del self._out[: self._sock.send(self._out)]

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return True
        self._in += data
        return bool(data)

    def _end_of_message(self, position: int) -> int:
        body = position + _LENGTH.size
        if body > len(self._in):
            return body
        return body + int(_LENGTH.unpack_from(self._in, position)[0])

    def _settle(self, wire: bytes) -> int | None:
        """The index of the question that `wire` replies to; None when nothing of the kind was asked."""
        query_id = message.id_of(wire)
        if query_id is None or query_id not in self._asked:
            return None
        index, asked = self._asked[query_id]
        if not message.answers(wire, asked):
            return None
        del self._asked[query_id]
        self._free.append(query_id)
        return index

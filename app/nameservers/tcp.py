"""Many queries over one TCP connection, pipelined: sent without waiting for each response (RFC 7766 6.2.1.1).

The Ansible collection has a pipeline of its own (`plugin_utils/rfc2136/connection.py`), which also signs its
messages. The two share no code: the collection runs in Ansible's processes, where the app can't be imported.
"""

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

from app.domain.errors import ServerUnreachable
from app.domain.server import Server
from app.nameservers import message

MAX_OUTSTANDING = 256  # queries: enough to hide the round trip, far below what a server buffers
_RECEIVE_SIZE = 256 * 1024  # octets
_LENGTH = struct.Struct("!H")  # in front of each message, RFC 1035 4.2.2


def query_pipelined(
    server: Server, questions: Iterable[bytes], timeout: float
) -> Iterator[tuple[int, bytes]]:
    """Send a query for each of `questions` (question sections), and yield the responses as they come in.

    Yields the question's index and the response's message. When the server closes the connection after some
    responses, which it may do at any time, the other queries are sent over a new one.
    Raises ServerUnreachable, also when `timeout` seconds pass without a response.
    """
    unanswered = dict(enumerate(questions))
    while unanswered:
        before = len(unanswered)
        for index, response in _query_over_one_connection(server, list(unanswered.items()), timeout):
            del unanswered[index]
            yield index, response
        if len(unanswered) == before:
            raise ServerUnreachable(server, "it hung up without an answer")


def _query_over_one_connection(
    server: Server, questions: list[tuple[int, bytes]], timeout: float
) -> Iterator[tuple[int, bytes]]:
    with _connect(server, timeout) as sock, DefaultSelector() as selector:
        pipeline = _Pipeline(sock, questions)
        selector.register(sock, EVENT_READ | EVENT_WRITE)
        deadline = time.monotonic() + timeout
        while pipeline.has_outstanding:
            selector.modify(sock, EVENT_READ | (EVENT_WRITE if pipeline.has_unsent else 0))
            selector.select(max(0.0, deadline - time.monotonic()))
            if not pipeline.send_and_receive():
                return
            for response in pipeline.take_responses():
                deadline = time.monotonic() + timeout
                yield response
            if time.monotonic() > deadline:
                raise ServerUnreachable(server, f"no answer within {timeout:g} s")


def _connect(server: Server, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection(server, timeout)
    except OSError as error:
        raise ServerUnreachable(server, str(error) or "no connection") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


class _Pipeline:
    """Queries and responses on one connection.

    It receives while it sends, so that a server which waits for its responses to be received can't block it.
    """

    def __init__(self, sock: socket.socket, questions: Iterable[tuple[int, bytes]]) -> None:
        self._sock = sock
        self._questions = iter(questions)  # not sent yet, each with its index
        self._free_ids = list(range(MAX_OUTSTANDING))
        self._outstanding: dict[int, tuple[int, bytes]] = {}  # by query id: the question and its index
        self._unsent = bytearray()
        self._received = bytearray()
        self._add_queries()

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    @property
    def has_outstanding(self) -> bool:
        return bool(self._outstanding)

    def send_and_receive(self) -> bool:
        """Send and receive without waiting; return False when the server has closed the connection."""
        with suppress(OSError):  # the server has closed it: there may still be responses to receive
            self._send()
        try:
            return self._receive()
        except OSError:
            return False

    def take_responses(self) -> Iterator[tuple[int, bytes]]:
        """Yield the responses that have been received, each with its question's index; then add queries."""
        position = 0
        while (end := self._end_of_message(position)) <= len(self._received):
            wire = bytes(self._received[position + _LENGTH.size : end])
            position = end
            if (index := self._match_query(wire)) is not None:
                yield index, wire
        del self._received[:position]
        self._add_queries()

    def _add_queries(self) -> None:
        while self._free_ids and (item := next(self._questions, None)):
            query_id = self._free_ids.pop()
            self._outstanding[query_id] = item
            query = message.query(query_id, item[1])
            self._unsent += _LENGTH.pack(len(query)) + query

    def _send(self) -> None:
        if self._unsent:
            del self._unsent[: self._sock.send(self._unsent)]

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(_RECEIVE_SIZE)
        except BlockingIOError:
            return True
        self._received += data
        return bool(data)

    def _end_of_message(self, position: int) -> int:
        """Where the message at `position` ends, which may be past what was received."""
        body = position + _LENGTH.size
        if body > len(self._received):
            return body
        return body + int(_LENGTH.unpack_from(self._received, position)[0])

    def _match_query(self, wire: bytes) -> int | None:
        """Remove the query that `wire` responds to; return its question's index, None when there is none."""
        query_id = message.message_id(wire)
        if query_id is None or query_id not in self._outstanding:
            return None
        index, question = self._outstanding[query_id]
        if not message.is_response_to(wire, question):
            return None
        del self._outstanding[query_id]
        self._free_ids.append(query_id)
        return index

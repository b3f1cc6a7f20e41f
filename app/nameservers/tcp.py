"""Many queries over one TCP connection, pipelined: sent without waiting for each response (RFC 7766 6.2.1.1).

The Ansible collection has a pipeline of its own (`plugin_utils/rfc2136/connection.py`). The two share no
code: the collection runs in Ansible's processes, where the app can't be imported.
"""

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import NamedTuple

from app.domain.server import Server
from app.nameservers import message
from app.nameservers.connect import connect
from app.nameservers.errors import ServerUnreachable
from app.nameservers.tsig import Signer

MAX_OUTSTANDING = 256  # queries: enough to hide the round trip, far below what a server buffers
TIME_PER_QUESTION = 0.001  # seconds that a round may take for each of its questions besides the timeout
_NARROWER = 16  # so many times fewer queries are outstanding after a connection without any response
_MAX_HUNG_UP = 3  # questions in a row that a server hangs up on; then no more is asked
_HUNG_UP = "it hung up without an answer"
_RECEIVE_SIZE = 256 * 1024  # octets
_LENGTH = struct.Struct("!H")  # in front of each message, RFC 1035 4.2.2


class Reply(NamedTuple):
    """A response, or the reason why there is none that can be relied on."""

    wire: bytes
    problem: str | None = None


def query_pipelined(
    server: Server, questions: Iterable[bytes], timeout: float, signer: Signer | None = None
) -> Iterator[tuple[int, Reply]]:
    """Send a query for each of `questions` (question sections), and yield the replies as they come in.

    Yields the question's index and its reply. When the server closes the connection, which it may do at any
    time, the queries without a response are sent over a new one; a question that it hangs up on again and
    again is found and put aside. Raises ServerUnreachable for all that have no reply yet when there is no
    connection, when `timeout` seconds pass without a response, or when the whole takes longer than `timeout`
    and `TIME_PER_QUESTION` for each question.
    """
    unanswered = dict(enumerate(questions))
    deadline = time.monotonic() + timeout + TIME_PER_QUESTION * len(unanswered)
    window, hung_up = MAX_OUTSTANDING, 0
    while unanswered:
        before = len(unanswered)
        connection = _Connection(server, timeout, deadline, signer)
        for index, reply in connection.query(list(unanswered.items()), window):
            del unanswered[index]
            yield index, reply
        if len(unanswered) < before:
            hung_up = 0
        elif window > 1:
            window //= _NARROWER
        else:
            hung_up += 1
            if hung_up == _MAX_HUNG_UP:
                raise ServerUnreachable(server, _HUNG_UP)
            index = next(iter(unanswered))
            del unanswered[index]
            yield index, Reply(b"", _HUNG_UP)
            window = MAX_OUTSTANDING


class _Connection(NamedTuple):
    """One connection to a server, with the limits for what is done over it."""

    server: Server
    timeout: float  # seconds without a response
    deadline: float  # for the whole, on the monotonic clock
    signer: Signer | None

    def query(self, questions: list[tuple[int, bytes]], window: int) -> Iterator[tuple[int, Reply]]:
        """Yield the replies that come in until the server closes the connection, or all are there."""
        with connect(self.server, self._left()) as sock, DefaultSelector() as selector:
            pipeline = _Pipeline(sock, questions, window, self.signer)
            selector.register(sock, EVENT_READ | EVENT_WRITE)
            mute_since = time.monotonic()
            while pipeline.has_outstanding:
                selector.modify(sock, EVENT_READ | (EVENT_WRITE if pipeline.has_unsent else 0))
                selector.select(min(self._left(), self.timeout))
                if not pipeline.send_and_receive():
                    return
                for found in pipeline.take_replies():
                    mute_since = time.monotonic()
                    yield found
                self._check_time(mute_since)

    def _left(self) -> float:
        """Seconds that are left."""
        return max(0.001, min(self.timeout, self.deadline - time.monotonic()))

    def _check_time(self, mute_since: float) -> None:
        now = time.monotonic()
        if now - mute_since > self.timeout:
            raise ServerUnreachable(self.server, f"no answer within {self.timeout:g} s")
        if now > self.deadline:
            raise ServerUnreachable(self.server, "it answers too slowly: the time for this round is over")


class _Pipeline:
    """Queries and responses on one connection.

    It receives while it sends, so that a server which waits for its responses to be received can't block it.
    """

    def __init__(
        self,
        sock: socket.socket,
        questions: Iterable[tuple[int, bytes]],
        window: int,
        signer: Signer | None,
    ) -> None:
        self._sock = sock
        self._signer = signer
        self._questions = iter(questions)  # not sent yet, each with its index
        self._free_ids = list(range(window))
        self._outstanding: dict[int, tuple[int, bytes]] = {}  # by query id: the question and its index
        self._macs: dict[int, bytes] = {}  # by query id, of those that are signed
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

    def take_replies(self) -> Iterator[tuple[int, Reply]]:
        """Yield the replies that have been received, each with its question's index; then add queries."""
        position = 0
        while (end := self._end_of_message(position)) <= len(self._received):
            wire = bytes(self._received[position + _LENGTH.size : end])
            position = end
            if (found := self._match_query(wire)) is not None:
                yield found
        del self._received[:position]
        self._add_queries()

    def _add_queries(self) -> None:
        while self._free_ids and (item := next(self._questions, None)):
            query_id = self._free_ids.pop()
            self._outstanding[query_id] = item
            query = message.query(query_id, item[1])
            if self._signer is not None:
                query, self._macs[query_id] = self._signer.sign(query)
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

    def _match_query(self, wire: bytes) -> tuple[int, Reply] | None:
        """Remove the query that `wire` responds to; return its question's index and the reply, or None."""
        query_id = message.message_id(wire)
        if query_id is None or query_id not in self._outstanding:
            return None
        index, question = self._outstanding[query_id]
        if not message.is_response_to(wire, question):
            return None
        del self._outstanding[query_id]
        self._free_ids.append(query_id)
        problem = None if self._signer is None else self._signer.check(wire, self._macs.pop(query_id))
        return index, Reply(wire, problem)

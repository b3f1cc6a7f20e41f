"""Stands between the app and a server: it hands on what comes, or does so late, in part, or not at all."""

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from threading import Event
from typing import Any

import dns.message
from dns.opcode import Opcode
from dns.rcode import Rcode

from stack.loop import LoopThread
from stack.ports import HOST

_ANY = 65_536  # octets
_LIMIT = 120.0  # seconds for an update to come


class Front:
    """Listens at `port` for the server at another one; a fault of it is met by whoever connects, or sends."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._target = target
        self._delay = delay  # seconds in each direction
        self._closes = False
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Take connections and close them, for the block: so does a load balancer whose servers are dead."""
        self._closes = True
        try:
            yield
        finally:
            self._closes = False

    @contextmanager
    def slow(self, delay: float) -> Iterator[None]:
        """Let what goes over connections that are made in the block arrive late, in each direction."""
        before, self._delay = self._delay, delay
        try:
            yield
        finally:
            self._delay = before

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connect, sock=self._listener)

    async def close(self) -> None:
        """Close all connections."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closes:
            writer.close()
            return
        try:
            answers, server = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.close()
            return
        both = Pair(reader, writer, answers, server, self._delay)
        self._start(self._hand_on_questions(both))
        self._start(self._hand_on_answers(both))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_on_questions(self, both: "Pair") -> None:
        with suppress(OSError):
            while (data := await both.questions.read(_ANY)) and not self._closes:
                both.later(both.server, data)
        both.end_later(both.server)

    async def _hand_on_answers(self, both: "Pair") -> None:
        with suppress(OSError):
            while (data := await both.answers.read(_ANY)) and not self._closes:
                both.later(both.client, data)
        both.end_later(both.client)


@dataclass(frozen=True)
class Pair:
    """A client's connection, and that to the server. What is sent waits for nothing that came before it."""

    questions: asyncio.StreamReader
    client: asyncio.StreamWriter
    answers: asyncio.StreamReader
    server: asyncio.StreamWriter
    delay: float

    def later(self, to: asyncio.StreamWriter, data: bytes) -> None:
        """Send when the delay is over."""
        asyncio.get_running_loop().call_later(self.delay, to.write, data)

    def end_later(self, to: asyncio.StreamWriter) -> None:
        """Close when the delay is over."""
        asyncio.get_running_loop().call_later(self.delay, to.close)


class Part(Enum):
    """How much of an update gets through."""

    HALF = auto()  # of the message
    NO_ANSWER = auto()  # all of the message, and nothing of what is answered to it


class DnsFront(Front):
    """Stands in front of a DNS server, and knows one message from the next."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self._rcode: Rcode | None = None
        self._cuts: Part | None = None
        self._was_cut = Event()

    @contextmanager
    def answering(self, rcode: Rcode) -> Iterator[None]:
        """Answer this to everything, for the block, in the server's place."""
        self._rcode = rcode
        try:
            yield
        finally:
            self._rcode = None

    def cut_an_update(self, part: Part) -> None:
        """Wait for the next update, and hand on so much of it; then its connection stays as it is."""
        self._was_cut.clear()
        self._cuts = part
        assert self._was_cut.wait(_LIMIT), "no update came"

    async def _hand_on_questions(self, both: Pair) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while (message := await _read(both.questions)) and not self._closes:
                if self._rcode is not None:
                    both.later(both.client, _framed(_refusal(message, self._rcode)))
                elif self._cuts is not None and _is_update(message):
                    self._cut(both, message)
                    return
                else:
                    both.later(both.server, _framed(message))
        both.end_later(both.server)

    async def _hand_on_answers(self, both: Pair) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while (message := await _read(both.answers)) and not self._closes:
                if _is_update(message) and self._cuts is Part.NO_ANSWER:
                    self._note_cut()
                else:
                    both.later(both.client, _framed(message))
        both.end_later(both.client)

    def _cut(self, both: Pair, message: bytes) -> None:
        framed = _framed(message)
        if self._cuts is Part.HALF:
            both.later(both.server, framed[: len(framed) // 2])
            self._note_cut()
        else:
            both.later(both.server, framed)

    def _note_cut(self) -> None:
        self._cuts = None
        self._was_cut.set()


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Return the next message. Raises IncompleteReadError at the end."""
    return await stream.readexactly(int.from_bytes(await stream.readexactly(2)))


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


def _is_update(message: bytes) -> bool:
    """Whether it is a dynamic update, or the answer to one (RFC 2136 2.2)."""
    return message[2] >> 3 & 0xF == Opcode.UPDATE


def _refusal(message: bytes, rcode: Rcode) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(message, keyring=False))
    answer.set_rcode(rcode)
    return answer.to_wire()


@contextmanager
def slow_front(target: int, delay: float) -> Iterator[Front]:
    """Run a front of a port, for the block, which hands everything on late."""
    front = Front(target, delay)
    with LoopThread() as loop:
        loop.run(front.open())
        try:
            yield front
        finally:
            loop.run(front.close())

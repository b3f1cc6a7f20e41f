"""Asks a DNS server for addresses more than a thousand times a second, and notes each answer without data.

It keeps its rate on a busy machine: what it is behind it asks at once, several questions in flight.
"""

import itertools
import socket
import struct
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import dns.message
from dns.rdatatype import CNAME, A

RATE = 1_000  # questions a second that it asks at least
_AIM = 1_200  # what it asks, so that it is not behind for a moment's rest
_PAUSE = 0.005  # seconds between two looks at what is due and what was answered
_MOST_IN_FLIGHT = 100  # whose answers a socket has room for
_MAX_REPLY = 4096  # octets
_LOST_AFTER = 5.0  # seconds after which a datagram is lost
_SAME_NAME = b"\xc0\x0c"  # a pointer to the name of the question (RFC 1035 4.1.4)
_DATA = {_SAME_NAME + struct.pack("!H", rdtype) for rdtype in (A, CNAME)}


class Asker:
    """Asks for the A of one name after the other, from `with` on until the end of the block."""

    def __init__(self, server: str, port: int, names: Sequence[str]) -> None:
        self.asked = 0  # questions that were answered
        self.without_data: list[str] = []  # the answers that have neither A nor CNAME of the name
        self._questions = [dns.message.make_query(name, A, flags=0).to_wire()[2:] for name in names]
        self._sent: dict[bytes, tuple[float, int]] = {}  # by id: when, and the octets of the question
        self._server = (server, port)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._ask_all)

    @property
    def keeps_its_rate(self) -> bool:
        """Whether it has had RATE answers for each second since it began."""
        return self.asked >= RATE * (time.monotonic() - self._began)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(self._server)
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        self._socket.close()

    def _ask_all(self) -> None:
        numbers = itertools.cycle(range(2**16))
        questions = itertools.cycle(self._questions)
        while not self._ends.wait(_PAUSE):
            self._receive()
            self._forget_lost()
            behind = int(_AIM * (time.monotonic() - self._began)) - self.asked - len(self._sent)
            for _ in range(min(behind, _MOST_IN_FLIGHT - len(self._sent))):
                number, question = next(numbers).to_bytes(2), next(questions)
                self._socket.send(number + question)
                self._sent[number] = (time.monotonic(), len(question) + 2)

    def _receive(self) -> None:
        while True:
            try:
                reply = self._socket.recv(_MAX_REPLY)
            except BlockingIOError:
                return
            _, length = self._sent.pop(reply[:2], (0.0, 0))
            if length:
                self._note(reply, length)

    def _forget_lost(self) -> None:
        """Forget the questions that nobody answers any more: they are asked again."""
        lost = time.monotonic() - _LOST_AFTER
        while self._sent and self._sent[oldest := next(iter(self._sent))][0] < lost:
            del self._sent[oldest]

    def _note(self, reply: bytes, length: int) -> None:
        """Note what was answered: an authoritative server begins with a record of the name that was asked."""
        rcode, answers = reply[3] & 0xF, int.from_bytes(reply[6:8])
        if rcode or not answers or reply[length : length + 4] not in _DATA:
            self.without_data.append(dns.message.from_wire(reply).to_text())
        self.asked += 1

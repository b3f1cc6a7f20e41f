"""Asks a DNS server for addresses a thousand times a second, and notes each answer without data."""

import socket
import threading
import time
from collections.abc import Sequence
from itertools import cycle
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
from dns.rdatatype import CNAME, A

RATE = 1_000  # questions a second at most
_MAX_REPLY = 4096  # octets
_LOST_AFTER = 5.0  # seconds after which a datagram is lost


class Asker:
    """Asks for the A of one name after the other, from `with` on until the end of the block."""

    def __init__(self, server: str, port: int, names: Sequence[str]) -> None:
        self.asked = 0  # questions that were answered
        self.without_data: list[str] = []  # the answers that have neither A nor CNAME of the name
        self._names = names
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_LOST_AFTER)
        self._socket.connect((server, port))
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._ask_all)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        self._socket.close()

    def _ask_all(self) -> None:
        queries = [dns.message.make_query(name, A, flags=0) for name in self._names]
        following = time.monotonic()
        for query in cycle(queries):
            if self._ends.wait(max(0.0, following - time.monotonic())):
                return
            following = max(following, time.monotonic() - 0.1) + 1 / RATE
            try:
                self._socket.send(query.to_wire())
                reply = dns.message.from_wire(self._socket.recv(_MAX_REPLY))
            except TimeoutError:
                continue
            if query.is_response(reply):
                self._note(query, reply)

    def _note(self, query: dns.message.Message, reply: dns.message.Message) -> None:
        name = query.question[0].name
        has_data = any(rrset.name == name and rrset.rdtype in (A, CNAME) for rrset in reply.answer)
        if reply.rcode() != dns.rcode.NOERROR or not has_data:
            self.without_data.append(reply.to_text())
        self.asked += 1

"""The SOA serials of many zones on one server, asked for over one TCP connection (RFC 1035 4.2.2, RFC 1982).

`tcp.query_pipelined` does the same for any question. It takes several times as long for each, which counts
here: thousands of zones are asked for every few seconds, and hardly ever is there anything new.
"""

import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from socket import socket

import dns.rcode

from app.domain.change import RRsetKey
from app.domain.server import Server
from app.nameservers import message
from app.nameservers.connect import connect
from app.nameservers.errors import ServerUnreachable
from app.nameservers.key_file import KeyUnusable
from app.nameservers.signing import signer_for
from app.nameservers.tsig import Signer

MAX_OUTSTANDING = 1_000  # queries
_TIME_PER_ZONE = 0.001  # seconds that a round may take for each zone besides the timeout
_MAX_FRUITLESS = 2  # connections in a row that a server closes without an answer
_RECEIVE_SIZE = 256 * 1024  # octets
_HEADER = struct.Struct("!HHHH")  # id, flags, how many questions, how many answers
_HEADER_SIZE = 12  # octets
_RECORD = struct.Struct("!HHHIH")  # a pointer to the question's name, type, class, TTL, length of the RDATA
_POINTER, _SOA, _IN = 0xC00C, 6, 1
_AFTER_SERIAL = 20  # octets: the serial and the four timers end the RDATA, RFC 1035 3.3.13
_QR, _AA, _RCODE = 0x8000, 0x0400, 0x000F

Serial = int | str  # or why it is not known, in words

NOT_LOADED = "it does not answer with authority: the zone is not loaded, or has expired"
NO_ZONE = "it has no such zone"
HUNG_UP = "it hung up without an answer"


def ask_serials(server: Server, zones: Sequence[str], timeout: float) -> Mapping[str, Serial]:
    """Return the serial of each of these zones (DNS names) on the server, or the reason why there is none.

    `timeout` is in seconds without an answer; the whole may take longer by a millisecond for each zone.
    """
    found: dict[str, Serial] = {}
    try:
        signer = signer_for(server, timeout)
        found.update(_ask_all(server, list(dict.fromkeys(zones)), timeout, signer))
    except KeyUnusable:
        return dict.fromkeys(zones, "the key for questions to this server can't be used")
    except ServerUnreachable as error:  # what came before that is there
        return {zone: found.get(zone, error.why) for zone in zones}
    return found


def is_newer(serial: int, other: int) -> bool:
    """Whether the serial comes after the other one, by serial number arithmetic (RFC 1982 3.2)."""
    return serial != other and (serial - other) % 2**32 < 2**31


def _ask_all(
    server: Server, zones: list[str], timeout: float, signer: Signer | None
) -> Iterator[tuple[str, Serial]]:
    """Yield zones and their serials; over a new connection when the server closes the one before."""
    unanswered, fruitless = dict.fromkeys(zones), 0
    deadline = time.monotonic() + timeout + _TIME_PER_ZONE * len(zones)
    while unanswered:
        before = len(unanswered)
        with connect(server, timeout) as sock:
            pipeline = _Pipeline(sock, list(unanswered), signer)
            for zone, serial in _read_until_closed(server, pipeline, timeout, deadline):
                unanswered.pop(zone, None)
                yield zone, serial
        fruitless = fruitless + 1 if len(unanswered) == before else 0
        if fruitless == _MAX_FRUITLESS:
            raise ServerUnreachable(server, HUNG_UP)


def _read_until_closed(
    server: Server, pipeline: "_Pipeline", timeout: float, deadline: float
) -> Iterator[tuple[str, Serial]]:
    mute_since = time.monotonic()
    with DefaultSelector() as selector:
        selector.register(pipeline.sock, EVENT_READ)
        while pipeline.has_outstanding:
            selector.modify(pipeline.sock, EVENT_READ | (EVENT_WRITE if pipeline.unsent else 0))
            selector.select(timeout)
            is_open = pipeline.send_and_receive()
            found = pipeline.take_serials()
            yield from found
            if not is_open:
                return
            now = time.monotonic()
            mute_since = now if found else mute_since
            if now - mute_since > timeout:
                raise ServerUnreachable(server, f"no answer within {timeout:g} s")
            if now > deadline:
                raise ServerUnreachable(server, "it answers too slowly: the time for this round is over")


class _Pipeline:
    """Queries and responses on one connection."""

    def __init__(self, sock: socket, zones: list[str], signer: Signer | None) -> None:
        self.sock = sock
        self.unsent = bytearray()
        self._received = bytearray()
        self._zones = zones
        self._next = 0
        self._outstanding: dict[int, tuple[str, bytes, bytes]] = {}  # by id: zone, question, and the MAC
        self._signer = signer
        self._add_queries()

    @property
    def has_outstanding(self) -> bool:
        return bool(self._outstanding)

    def send_and_receive(self) -> bool:
        """Send and receive without waiting; return False when the server has closed the connection."""
        with suppress(OSError):  # the server has closed it: there may still be responses to receive
            if self.unsent:
                del self.unsent[: self.sock.send(self.unsent)]
        try:
            data = self.sock.recv(_RECEIVE_SIZE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._received += data
        return bool(data)

    def take_serials(self) -> list[tuple[str, Serial]]:
        """Return what the responses say that have been received; then add queries."""
        found = []
        received, position = bytes(self._received), 0
        while (body := position + 2) <= len(received):
            end = body + int.from_bytes(received[position:body])
            if end > len(received):
                break
            wire, position = received[body:end], end
            item = self._outstanding.get(int.from_bytes(wire[:2]))
            if item is not None and message.message_id(wire) is not None and _responds(wire, item[1]):
                del self._outstanding[int.from_bytes(wire[:2])]
                found.append((item[0], self._judge(wire, item)))
        del self._received[:position]
        self._add_queries()
        return found

    def _judge(self, wire: bytes, item: tuple[str, bytes, bytes]) -> Serial:
        if self._signer is not None and (problem := self._signer.check(wire, item[2])):
            return problem
        try:
            return read_serial(wire, item[1])
        except (struct.error, IndexError, ValueError):
            return "its reply can't be read"

    def _add_queries(self) -> None:
        if len(self._outstanding) > MAX_OUTSTANDING // 2:  # many at once: it costs less for each
            return
        for zone in self._zones[self._next : self._next + MAX_OUTSTANDING - len(self._outstanding)]:
            query_id = self._next & 0xFFFF
            question = message.question_section(RRsetKey(zone, "SOA"))
            query, mac = message.query(query_id, question), b""
            if self._signer is not None:
                query, mac = self._signer.sign(query)
            self._outstanding[query_id] = (zone, question, mac)
            self.unsent += len(query).to_bytes(2) + query
            self._next += 1


def _responds(wire: bytes, question: bytes) -> bool:
    """Whether the response has the query's question; `message.is_response_to` knows the rest."""
    end = _HEADER_SIZE + len(question)
    if wire[2] & 0x80 and wire[_HEADER_SIZE:end] == question:
        return True
    return message.is_response_to(wire, question)


def read_serial(wire: bytes, question: bytes) -> Serial:
    """Return the serial that a response to a query for a zone's SOA has, or why it has none.

    Raises ValueError, IndexError, struct.error for what can't be read.
    """
    _, flags, _, answers = _HEADER.unpack_from(wire)
    if flags & _RCODE:
        return f"it answers {dns.rcode.to_text(dns.rcode.Rcode(flags & _RCODE))}"
    if not flags & _AA:
        return NOT_LOADED
    if not answers:
        return NO_ZONE
    start = _HEADER_SIZE + len(question)
    pointer, record_type, record_class, _, length = _RECORD.unpack_from(wire, start)
    if pointer != _POINTER:  # the name once more, which is as long as in the question
        start += len(question) - 4 - 2
        _, record_type, record_class, _, length = _RECORD.unpack_from(wire, start)
    end = start + _RECORD.size + length
    if (record_type, record_class) != (_SOA, _IN) or length < _AFTER_SERIAL + 2 or end > len(wire):
        raise ValueError("no SOA record comes first")
    return int.from_bytes(wire[end - _AFTER_SERIAL : end - _AFTER_SERIAL + 4])

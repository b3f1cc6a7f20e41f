"""Zone transfers: the whole zone (AXFR, RFC 5936) or what has changed (IXFR, RFC 1995), as a stream."""

import secrets
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum, auto
from typing import NamedTuple, Self

import dns.flags
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from app.domain.names import is_below
from app.domain.server import Server
from app.domain.zone_record import Soa, ZoneRecord, is_kept_by_server, is_meta_type
from app.nameservers.connect import connect
from app.nameservers.errors import ServerUnreachable
from app.nameservers.key_file import KeyUnusable
from app.nameservers.signing import signer_for
from app.nameservers.tsig import SignedReplies
from app.nameservers.zone_messages import Malformed, TransferMessage, WireRecord, read_message

_RECEIVE_SIZE = 256 * 1024  # octets
_LENGTH = struct.Struct("!H")  # in front of each message, RFC 1035 4.2.2
_HEADER = struct.Struct("!HHHHHH")
_TYPE_AND_CLASS = struct.Struct("!HH")
_SOA_HEAD = struct.Struct("!HHIH")
_SOA_NUMBERS = struct.Struct("!IIIII")
_QR, _AA, _RCODE = int(dns.flags.QR), int(dns.flags.AA), 0x000F
_HALF = 2**31  # serials are compared as RFC 1982 says

# RCODE: the code and what it means
_REFUSALS = {
    dns.rcode.REFUSED: ("transfer_refused", "REFUSED: it does not let us transfer the zone"),
    dns.rcode.NOTAUTH: (
        "zone_not_loaded",
        "NOTAUTH: it does not serve the zone, or (PowerDNS) not to this key",
    ),
    dns.rcode.SERVFAIL: ("zone_not_loaded", "SERVFAIL: it can't serve the zone now"),
}
_KNOWS_NO_IXFR = (dns.rcode.FORMERR, dns.rcode.NOTIMP)


class TransferFailed(Exception):
    """The zone was not transferred, or not to its end; what was read of it counts for nothing.

    The codes: `server_unreachable`, `transfer_refused`, `tsig_refused`, `key_unusable`, `zone_not_loaded`,
    `transfer_malformed`, `transfer_too_long`.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, why)
        self.code = code
        self.why = why

    def __str__(self) -> str:
        return self.why


class Limits(NamedTuple):
    """How long and how large a transfer may be."""

    idle: float  # seconds without an octet
    seconds: float  # for the whole
    octets: int


class Kind(Enum):
    """What a server has answered."""

    UNCHANGED = auto()  # its serial is none that is newer
    CHANGES = auto()
    WHOLE = auto()


class Delta(NamedTuple):
    """A record that was added, or deleted."""

    added: bool
    record: ZoneRecord


class Transfer:
    """A transfer that has begun. What is read of it is certain when all of it was read."""

    def __init__(self, connection: "_Connection", zone: str, since: int | None) -> None:
        self._zone = zone
        self._connection = connection
        self._records = self._read_records(zone, since)
        first = self._next()
        if not first.is_soa or first.owner != zone:
            raise TransferFailed("transfer_malformed", "the transfer does not begin with the zone's SOA")
        try:
            self.soa = Soa(first.serial, first.ttl, first.rdata())
        except Malformed as error:
            raise TransferFailed("transfer_malformed", str(error)) from error
        self._second: WireRecord | None = None
        self.kind = self._find_kind(since)

    @property
    def octets(self) -> int:
        """How many octets were received so far."""
        return self._connection.octets

    def records(self) -> Iterator[ZoneRecord]:
        """Yield the records of the whole zone but those that are the server's. Raises TransferFailed."""
        assert self.kind is Kind.WHOLE
        record = self._second
        while record is not None and not record.is_soa:
            if self._is_recorded(record):
                yield record.read()
            record = self._next()
        self._connection.require_end()

    def deltas(self) -> Iterator[Delta]:
        """Yield what was deleted and added since, in the order in which it was. Raises TransferFailed.

        An RRset that was changed several times is there several times.
        """
        assert self.kind is not Kind.WHOLE
        record, added = self._second, True
        while record is not None:
            if record.is_soa:  # before what was deleted, then before what was added, and at the end
                if added and record.serial == self.soa.serial:
                    break
                added = not added
            elif self._is_recorded(record):
                yield Delta(added, record.read())
            record = self._next()
        self._connection.require_end()

    def _find_kind(self, since: int | None) -> Kind:
        if since is not None and not _is_newer(self.soa.serial, since):
            return Kind.UNCHANGED
        self._second = self._next()
        if since is None or not self._second.is_soa or self._second.serial == self.soa.serial:
            return Kind.WHOLE
        if self._second.serial != since:
            raise _NoIxfr
        return Kind.CHANGES

    def _is_recorded(self, record: WireRecord) -> bool:
        if is_meta_type(record.type):
            why = f"{record.owner} has a record of type {record.type}, which no zone has"
            raise TransferFailed("transfer_malformed", why)
        in_zone = record.owner == self._zone or is_below(record.owner, self._zone)
        return in_zone and not is_kept_by_server(record.type, record.owner, self._zone)

    def _next(self) -> WireRecord:
        return next(self._records)  # which ends with an exception only

    def _read_records(self, zone: str, since: int | None) -> Iterator[WireRecord]:
        message = self._connection.ask(_question(zone, since), since)
        while True:
            yield from message.records
            message = self._connection.next_message()


@contextmanager
def transfer(server: Server, zone: str, limits: Limits, since: int | None = None) -> Iterator[Transfer]:
    """Ask the server for the zone, or for what has changed since a serial, with the server's own key.

    `zone` is the zone's DNS name. A server answers with the whole zone, too, where it does not know what has
    changed. Where it answers with changes since another serial, it is asked for the whole zone (RFC 1995 4).
    Raises TransferFailed.
    """
    with ExitStack() as open_until_read:
        connection = open_until_read.enter_context(_Connection(server, limits))
        try:
            found = Transfer(connection, zone, since)
        except _NoIxfr:
            connection.close()
            connection = open_until_read.enter_context(_Connection(server, limits))
            found = Transfer(connection, zone, None)
        yield found


class _NoIxfr(Exception):
    """The server does not know incremental transfers, or its changes begin at another serial than asked."""


class _Connection:
    """A connection on which one transfer comes in."""

    def __init__(self, server: Server, limits: Limits) -> None:
        self.octets = 0
        self._server = server
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._replies: SignedReplies | None = None
        self._received = bytearray()
        self._query_id = secrets.randbits(16)
        try:
            self._signer = signer_for(server, limits.idle)
            self._sock = connect(server, limits.idle)
        except KeyUnusable as error:
            raise TransferFailed("key_unusable", str(error)) from error
        except ServerUnreachable as error:
            raise TransferFailed("server_unreachable", str(error)) from error

    def ask(self, question: bytes, since: int | None) -> TransferMessage:
        """Send the query, and return the first message. Raises TransferFailed, _NoIxfr."""
        query = _HEADER.pack(self._query_id, 0, 1, 0, int(since is not None), 0) + question
        if self._signer is not None:
            query, mac = self._signer.sign(query)
            self._replies = self._signer.replies(mac)
        try:
            self._sock.settimeout(self._limits.idle)
            self._sock.sendall(_LENGTH.pack(len(query)) + query)
            return self._first_message(since)
        except OSError as error:
            raise self._broken(error) from error

    def next_message(self) -> TransferMessage:
        """Return the next message. Raises TransferFailed."""
        try:
            message = self._read()
        except OSError as error:
            raise self._broken(error) from error
        if rcode := message.flags & _RCODE:
            raise self._refused(rcode)
        return message

    def require_end(self) -> None:
        """Raise TransferFailed unless a signature covers the last message."""
        if self._replies is not None and not self._replies.are_covered:
            raise TransferFailed("tsig_refused", f"{self._server}: the last message is not signed")

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _first_message(self, since: int | None) -> TransferMessage:
        message = self._read()
        rcode = message.flags & _RCODE
        if rcode in _KNOWS_NO_IXFR and since is not None:
            raise _NoIxfr
        if rcode:
            raise self._refused(rcode)
        if not message.records:
            code = "transfer_malformed" if message.flags & _AA else "zone_not_loaded"
            raise TransferFailed(code, f"{self._server}: its answer has no records")
        return message

    def _read(self) -> TransferMessage:
        wire = self._receive_message()
        try:
            message = read_message(wire)
        except Malformed as error:
            raise TransferFailed("transfer_malformed", f"{self._server}: {error}") from error
        if message.id != self._query_id or not message.flags & _QR:
            raise TransferFailed("transfer_malformed", f"{self._server}: a reply to something else")
        if self._replies is not None:
            self._check_signature(self._replies, wire, message)
        return message

    def _check_signature(self, replies: SignedReplies, wire: bytes, message: TransferMessage) -> None:
        if message.signature_start is None and message.flags & _RCODE:
            return  # an unsigned refusal tells nothing about the zone
        if why := replies.check(wire, message.signature_start):
            raise TransferFailed("tsig_refused", f"{self._server}: {why}")

    def _receive_message(self) -> bytes:
        self._receive(_LENGTH.size)
        size = _LENGTH.size + int(_LENGTH.unpack_from(self._received)[0])
        self._receive(size)
        wire = bytes(self._received[_LENGTH.size : size])
        del self._received[:size]
        return wire

    def _receive(self, size: int) -> None:
        """Receive until so many octets are there."""
        while len(self._received) < size:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(min(left, self._limits.idle))
            data = self._sock.recv(_RECEIVE_SIZE)
            if not data:
                raise ConnectionResetError("it closed the connection before the end of the zone")
            self._received += data
            self.octets += len(data)
            if self.octets > self._limits.octets:
                raise self._too_long(f"it has more than {self._limits.octets:,} octets")

    def _too_long(self, why: str) -> TransferFailed:
        return TransferFailed("transfer_too_long", f"{self._server}: {why}")

    def _broken(self, error: OSError) -> TransferFailed:
        if isinstance(error, TimeoutError) and time.monotonic() >= self._deadline:
            return self._too_long(f"it takes longer than {self._limits.seconds:g} s")
        why = f"no answer within {self._limits.idle:g} s" if isinstance(error, TimeoutError) else str(error)
        return TransferFailed("server_unreachable", f"{self._server}: {why}")

    def _refused(self, rcode: int) -> TransferFailed:
        said = dns.rcode.to_text(dns.rcode.Rcode(rcode))
        code, why = _REFUSALS.get(dns.rcode.Rcode(rcode), ("transfer_refused", f"it answers {said}"))
        return TransferFailed(code, f"{self._server}: {why}")


def _question(zone: str, since: int | None) -> bytes:
    """Return the question for the zone and, in the authority section, the SOA with the serial since when."""
    name = dns.name.from_text(zone).to_wire() or b""
    kind = dns.rdatatype.AXFR if since is None else dns.rdatatype.IXFR
    question = name + _TYPE_AND_CLASS.pack(kind, dns.rdataclass.IN)
    if since is None:
        return question
    rdata = b"\0\0" + _SOA_NUMBERS.pack(since, 0, 0, 0, 0)  # both names are the root: only the serial counts
    return question + name + _SOA_HEAD.pack(dns.rdatatype.SOA, dns.rdataclass.IN, 0, len(rdata)) + rdata


def _is_newer(serial: int, than: int) -> bool:
    """Whether a serial is newer than another (RFC 1982 3.2)."""
    return serial != than and (serial - than) % (2 * _HALF) < _HALF

"""Questions that are signed with a shared key, and replies whose signatures are checked (RFC 8945)."""

import struct
import time
from typing import Any

import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.wire
from dns.rdtypes.ANY.TSIG import TSIG

from app.nameservers.tkey import ContextKey

_MAX_UNSIGNED = 99  # messages between two that are signed, RFC 8945 5.3.1
_FUDGE = 300  # seconds that the clocks may differ, RFC 8945 10
_COUNTS = struct.Struct("!HHHH")  # how many records each of the four sections has
_COUNTS_AT, _HEADER_SIZE = 4, 12  # octets
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the RDATA
_QUESTION_END = 4  # octets: type and class

_REFUSALS: dict[type[Exception], str] = {
    dns.tsig.PeerBadKey: "it has no key of this name and algorithm (BADKEY)",
    dns.tsig.PeerBadSignature: "it has another secret (BADSIG)",
    dns.tsig.PeerBadTime: "its clock and ours differ too much (BADTIME)",
    dns.tsig.PeerBadTruncation: "the signature is too short (BADTRUNC)",
}


class Signer:
    """Signs queries with one key, or one Kerberos context."""

    def __init__(self, key: dns.tsig.Key) -> None:
        self._key = key
        self._owner = key.name.to_wire()
        assert self._owner is not None  # without a file to write to, to_wire returns the octets

    @property
    def is_over(self) -> bool:
        """Whether it is a context that the server does not know any more."""
        return isinstance(self._key, ContextKey) and self._key.is_over

    def sign(self, query: bytes) -> tuple[bytes, bytes]:
        """Return the signed query, and its MAC, which the reply's signature covers too."""
        query_id = int.from_bytes(query[:2])
        unsigned = TSIG(  # type: ignore[no-untyped-call]  # dnspython has no types for it
            dns.rdataclass.ANY, dns.rdatatype.TSIG, self._key.algorithm, 0, _FUDGE, b"", query_id, 0, b""
        )
        signature, _ = dns.tsig.sign(query, self._key, unsigned, int(time.time()))  # type: ignore[no-untyped-call]
        rdata = signature.to_wire()
        record = _RECORD.pack(dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(rdata)) + rdata
        additional = (int.from_bytes(query[10:12]) + 1).to_bytes(2)
        return query[:10] + additional + query[12:] + (self._owner or b"") + record, signature.mac

    def check(self, reply: bytes, query_mac: bytes) -> str | None:
        """Return why the reply can't be trusted, in words; None when its signature is right.

        An unsigned refusal passes: it tells nothing about the zone, and some servers sign none.
        """
        try:
            start = _start_of_signature(reply)
            if start is None:
                return None if _is_refusal(reply) else "the reply is not signed"
            self._validate(reply, start, query_mac)
            return None
        except tuple(_REFUSALS) as error:
            if isinstance(self._key, ContextKey):
                self._key.note_refusal()
            return f"the server refuses the key: {_REFUSALS[type(error)]}"
        except (dns.exception.DNSException, struct.error, ValueError) as error:
            return f"the reply's signature is not right: {type(error).__name__}"

    def replies(self, query_mac: bytes) -> "SignedReplies":
        """Return what checks the messages of one reply that has several, as a zone transfer has."""
        return SignedReplies(self._key, query_mac)

    def _validate(self, reply: bytes, start: int, query_mac: bytes) -> None:
        owner, rdata = _read_signature(reply, start)
        dns.tsig.validate(  # type: ignore[no-untyped-call]
            reply, self._key, owner, rdata, int(time.time()), query_mac, start
        )


class SignedReplies:
    """The messages of one reply, in their order: not each of them is signed (RFC 8945 5.3.1)."""

    def __init__(self, key: dns.tsig.Key, query_mac: bytes) -> None:
        self._key = key
        self._query_mac = query_mac
        self._context: Any = None
        self._unsigned = 0

    def check(self, message: bytes, signature_start: int | None) -> str | None:
        """Return why the next message can't be trusted, in words; None when its signature is right.

        None, too, when it has no signature and needs none yet: a later one covers it.
        """
        try:
            if signature_start is not None:
                self._validate(message, signature_start)
                return None
        except tuple(_REFUSALS) as error:
            return f"the server refuses the key: {_REFUSALS[type(error)]}"
        except (dns.exception.DNSException, struct.error, ValueError) as error:
            return f"the reply's signature is not right: {type(error).__name__}"
        if self._context is None or self._unsigned == _MAX_UNSIGNED:
            return "the reply is not signed"
        self._unsigned += 1
        self._context.update(message)
        return None

    @property
    def are_covered(self) -> bool:
        """Whether each message so far is covered by a signature: that of the last one."""
        return not self._unsigned

    def _validate(self, message: bytes, start: int) -> None:
        owner, rdata = _read_signature(message, start)
        self._context = dns.tsig.validate(  # type: ignore[no-untyped-call]
            message,
            self._key,
            owner,
            rdata,
            int(time.time()),
            self._query_mac,
            start,
            self._context,
            multi=True,
        )
        self._unsigned = 0


def _read_signature(message: bytes, start: int) -> tuple[dns.name.Name, dns.rdata.Rdata]:
    """Return the key's name and the RDATA of the TSIG record that begins there."""
    parser = dns.wire.Parser(message, start)
    owner = parser.get_name()
    _, rdclass, ttl, length = parser.get_struct(_RECORD.format)
    if (rdclass, ttl) != (dns.rdataclass.ANY, 0):  # as the signature takes them to be (RFC 8945 4.2)
        raise ValueError("a TSIG record of another class or TTL")
    rdata = dns.rdata.from_wire_parser(dns.rdataclass.ANY, dns.rdatatype.TSIG, _part(parser, length))
    return owner, rdata


def _part(parser: dns.wire.Parser, length: int) -> dns.wire.Parser:
    part = dns.wire.Parser(parser.wire, parser.current)
    part.end = parser.current + length
    return part


def _is_refusal(reply: bytes) -> bool:
    return reply[3] & 0x0F not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


def _start_of_signature(wire: bytes) -> int | None:
    """Return where the message's last record begins, if that is a TSIG record (RFC 8945 5.1)."""
    questions, *records = _COUNTS.unpack_from(wire, _COUNTS_AT)
    position = _HEADER_SIZE
    for _ in range(questions):
        position = _end_of_name(wire, position) + _QUESTION_END
    start, last_type = position, None
    for _ in range(sum(records)):
        start, head = position, _end_of_name(wire, position)
        last_type, _, _, length = _RECORD.unpack_from(wire, head)
        position = head + _RECORD.size + length
    if position != len(wire):
        raise ValueError("a message that does not end with its last record")
    return start if records[-1] and last_type == dns.rdatatype.TSIG else None


def _end_of_name(wire: bytes, position: int) -> int:
    while length := wire[position : position + 1]:
        if length[0] >= 0xC0:  # a pointer ends a name, RFC 1035 4.1.4
            return position + 2
        position += 1 + length[0]
        if length[0] == 0:
            return position
    raise ValueError("a name that does not end")

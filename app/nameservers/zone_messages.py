"""The messages of a zone transfer (RFC 5936 2.2), read by hand: all of their many records count.

Names and RDATA come out as `message.py` has them, in the form in which requests are compared.
"""

import re
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

from app.domain.change import MAX_TTL
from app.domain.escapes import escaped
from app.domain.rdata.generic import in_generic
from app.domain.zone_record import ZoneRecord, type_name
from app.nameservers.message import rdata_text

_HEADER = struct.Struct("!HHHHHH")  # id, flags, and how many records each of the four sections has
_HEAD = struct.Struct("!HHIH")  # of a record: type, class, TTL, length of the RDATA
_QUESTION_END = 4  # octets: type and class
_SOA, _TSIG = int(dns.rdatatype.SOA), int(dns.rdatatype.TSIG)
_SERIAL_AT_END = 20  # octets from the serial to the end of the RDATA, RFC 1035 3.3.13
_MAX_LABELS = 127  # of a name of 255 octets
_MAX_POINTERS = 127  # of a name: more than one for a label lead to nothing
_POINTER = 0xC0  # and above: the first octet of a pointer, RFC 1035 4.1.4
_plain: Callable[[bytes], object] = re.compile(rb"[a-z0-9_-]+").fullmatch


class Malformed(Exception):
    """The message can't be read; the text says why."""


class WireRecord(NamedTuple):
    """A record where it stands in its message."""

    wire: bytes
    owner: str  # in canonical form
    type: int
    ttl: int
    start: int  # of the RDATA
    length: int

    @property
    def is_soa(self) -> bool:
        """Whether it is an SOA record."""
        return self.type == _SOA

    @property
    def serial(self) -> int:
        """The serial of an SOA record."""
        at = self.start + self.length - _SERIAL_AT_END
        return int.from_bytes(self.wire[at : at + 4])

    def read(self) -> ZoneRecord:
        """Return the record in canonical form; RDATA that is none of its type by its octets (RFC 3597 5)."""
        return ZoneRecord(self.owner, _type_name(self.type), self.ttl, self.rdata())

    def rdata(self) -> str:
        """Return the RDATA in canonical form; that of an SOA as others of names and numbers."""
        if self.is_soa:
            return _soa_text(self)
        octets = self.wire[self.start : self.start + self.length]
        if self.type == 1 and self.length == 4:  # an address, as many are
            return ".".join(map(str, octets))
        try:
            return rdata_text(self.wire, self.type, self.start, self.length)
        except (dns.exception.DNSException, struct.error, ValueError):
            return in_generic(octets)


class TransferMessage(NamedTuple):
    """One message of a transfer: its answers, and where its signature begins, if it has one."""

    id: int
    flags: int
    records: list[WireRecord]
    signature_start: int | None


def read_message(wire: bytes) -> TransferMessage:
    """Read a message. Raises Malformed."""
    try:
        return _read(wire)
    except (IndexError, struct.error, ValueError) as error:
        raise Malformed(str(error) or "it ends too early") from error


def _read(wire: bytes) -> TransferMessage:
    message_id, flags, questions, answers, *rest = _HEADER.unpack_from(wire)
    at, known = _HEADER.size, dict[int, str]()
    for _ in range(questions):
        at = _read_name(wire, at, known)[1] + _QUESTION_END
    records: list[WireRecord] = []
    others = sum(rest)
    signature_start, end = None, len(wire)
    for index in range(answers + others):
        start = at
        owner, at = _read_name(wire, at, known)
        number, _, ttl, length = _HEAD.unpack_from(wire, at)
        at += _HEAD.size
        if at + length > end:
            raise ValueError("a record ends beyond its message")
        if index < answers:
            counted = ttl if ttl <= MAX_TTL else 0  # RFC 2181 8
            records.append(WireRecord(wire, owner, number, counted, at, length))
        elif number == _TSIG and index == answers + others - 1:
            signature_start = start
        at += length
    if at != end:
        raise ValueError("there is something behind its last record")
    return TransferMessage(message_id, flags, records, signature_start)


def _read_name(wire: bytes, at: int, known: dict[int, str]) -> tuple[str, int]:
    """Return the name that begins there, and where it ends; `known` are those that begin at other places."""
    labels: list[str] = []
    places: list[int] = []
    rest, end, lowest, pointers = "", 0, at, 0
    while length := wire[at]:
        if length >= _POINTER:
            pointers += 1
            if pointers > _MAX_POINTERS:
                raise ValueError("a name that points on and on")
            end = end or at + 2
            at = (length - _POINTER) << 8 | wire[at + 1]
            if at >= lowest:  # pointers point back, or they could go round in circles
                raise ValueError("a name that points ahead")
            lowest = at
            if at in known:
                rest = known[at]
                break
            continue
        if length > 63 or len(labels) == _MAX_LABELS:
            raise ValueError("a name that is too long")
        places.append(at)
        labels.append(_label(wire[at + 1 : at + 1 + length]))
        at += 1 + length
    end = end or at + 1
    for place, label in zip(reversed(places), reversed(labels), strict=True):
        rest = known[place] = f"{label}.{rest}" if rest else label
    return rest, end


@lru_cache(maxsize=4_096)
def _label(octets: bytes) -> str:
    lower = octets.lower()
    return lower.decode() if _plain(lower) else escaped(dns.name.Name((lower,)).to_text())


def _soa_text(record: WireRecord) -> str:
    try:
        found = dns.rdata.from_wire("IN", "SOA", record.wire, record.start, record.length)
    except (dns.exception.DNSException, struct.error, ValueError) as error:
        raise Malformed("the SOA can't be read") from error
    return escaped(found.to_text().lower())


_type_name = lru_cache(maxsize=256)(type_name)

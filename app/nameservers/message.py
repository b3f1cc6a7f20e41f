"""DNS messages on the wire: the query for one RRset, and what the response says about it (RFC 1035 4).

What a zone holds at or below a delegation, or below a DNAME, no server shows: such an answer is `hidden`.

Names and RDATA are dnspython's, but for addresses. The frame around them is read here, and only as far as
the answer needs it: `dns.message.from_wire` takes several times as long
(docs/decisions/0010-reading-replies.md).
"""

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.ipv4
import dns.ipv6
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire

from app.domain import names
from app.domain.change import RRsetKey
from app.domain.escapes import escaped
from app.domain.expectation import Answer
from app.domain.rdata import presentation
from app.domain.rdata.generic import in_generic

_HEADER = struct.Struct("!HHHHHH")  # id, flags, and how many records each of the four sections has
_QUESTION_END = struct.Struct("!HH")  # type, class
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the RDATA

# Plain numbers: to test a bit of an enumeration's member takes several times as long.
_QR, _AA, _TC = int(dns.flags.QR), int(dns.flags.AA), int(dns.flags.TC)
_NOERROR, _NXDOMAIN = int(dns.rcode.NOERROR), int(dns.rcode.NXDOMAIN)
_RCODE = 0x000F
_POINTER = 0xC0  # what begins a pointer, RFC 1035 4.1.4; below it are lengths of labels
_SHOW_ADDRESS: Mapping[int, Callable[[bytes], str]] = {
    int(dns.rdatatype.A): dns.ipv4.inet_ntoa,
    int(dns.rdatatype.AAAA): dns.ipv6.inet_ntoa,
}
_QUESTION_NAME = b"\xc0\x0c"  # a pointer to the name in the question section, RFC 1035 4.1.4

# The types of RFC 1035 3.3 that dnspython does not know, and how many names each has: they may be compressed.
_NAMES_ALONE = {3: 1, 4: 1, 7: 1, 8: 1, 9: 1, 14: 2}

_LAME = "the server is not authoritative for the name"


class _Record(NamedTuple):
    owner: str  # lower case, no trailing dot
    type: int
    ttl: int
    start: int  # of the RDATA, in the message
    length: int


class _Response:
    """A response whose sections are read in their order, each when it is needed."""

    def __init__(self, wire: bytes, question_name: str) -> None:
        self.wire = wire
        self._question_name = question_name
        self._parser = dns.wire.Parser(wire, _HEADER.size)
        _, self._flags, questions, *self._counts = _HEADER.unpack_from(wire)
        for _ in range(questions):
            self._parser.seek(_behind_name(wire, self._parser.current) + _QUESTION_END.size)

    @property
    def rcode(self) -> int:
        return int(self._flags & _RCODE)

    @property
    def authoritative(self) -> bool:
        return bool(self._flags & _AA)

    @property
    def truncated(self) -> bool:
        return bool(self._flags & _TC)

    def read_next_section(self) -> list[_Record]:
        return [self._read_record() for _ in range(self._counts.pop(0))]

    def _read_record(self) -> _Record:
        owner = self._read_owner_name()
        record_type, _, ttl, length = self._parser.get_struct(_RECORD.format)
        start = self._parser.current
        self._parser.seek(start + length)
        return _Record(owner, record_type, ttl, start, length)

    def _read_owner_name(self) -> str:
        start = self._parser.current
        if self.wire[start : start + 2] == _QUESTION_NAME:
            self._parser.seek(start + 2)
            return self._question_name
        return escaped(self._parser.get_name(decompress=True).to_text(omit_final_dot=True).lower())


def question_section(key: RRsetKey) -> bytes:
    """Return the question section that asks for `key`."""
    return _name_on_wire(key.name) + _QUESTION_END.pack(_type_number(key.type), dns.rdataclass.IN)


def query(query_id: int, question: bytes) -> bytes:
    """Return a query without recursion that has this question section."""
    return _HEADER.pack(query_id, 0, 1, 0, 0, 0) + question


def message_id(wire: bytes) -> int | None:
    """Return the id of a message, which a response has from its query; None when `wire` is too short."""
    return int(_HEADER.unpack_from(wire)[0]) if len(wire) >= _HEADER.size else None


def rcode(wire: bytes) -> int | None:
    """Return the rcode of a response; None when `wire` is too short."""
    return wire[3] & _RCODE if len(wire) >= _HEADER.size else None


def is_response_to(wire: bytes, question: bytes) -> bool:
    """Whether `wire`, a message with the query's id, responds to a query with this question section.

    Names are compared without regard to case. An error may come without the question.
    """
    _, flags, questions, *_ = _HEADER.unpack_from(wire)
    if not flags & _QR:
        return False
    if questions == 0:
        return bool(flags & _RCODE)
    end = _HEADER.size + len(question)
    return wire[_HEADER.size : end] == question or wire[_HEADER.size : end].lower() == question.lower()


def read_answer(wire: bytes, key: RRsetKey, zone: str = "") -> Answer:
    """Return what the response `wire` says about `key` of the zone.

    The answer has an `error` when the response does not decide what the RRset is, or can't be read; it is
    `hidden` when a delegation or a DNAME in the zone keeps the server from showing the RRset.
    """
    try:
        return _judge_response(_Response(wire, key.name), key, zone)
    except (dns.exception.DNSException, struct.error, ValueError) as error:
        return undecided(f"the reply can't be read: {error}")


def read_enclosing_zone(wire: bytes, name: str) -> str | None:
    """Return the zone that the server answers from, by its response to a query for the SOA of `name`."""
    try:
        response = _Response(wire, name)
        if response.rcode not in (_NOERROR, _NXDOMAIN) or not response.authoritative:
            return None
        sections = [*response.read_next_section(), *response.read_next_section()]
    except (dns.exception.DNSException, struct.error, ValueError):
        return None
    owners = [record.owner for record in sections if record.type == dns.rdatatype.SOA]
    return next((owner for owner in owners if owner == name or names.is_below(name, owner)), None)


def undecided(why: str) -> Answer:
    """Return the answer of a server that does not tell what the RRset is."""
    return Answer(ttl=None, rdata=frozenset(), error=why)


def hidden(why: str) -> Answer:
    """Return the answer of a server that does not show the RRset."""
    return Answer(ttl=None, rdata=frozenset(), hidden=why)


def _judge_response(response: _Response, key: RRsetKey, zone: str) -> Answer:
    if response.truncated:
        return undecided("the reply is cut off")
    if response.rcode not in (_NOERROR, _NXDOMAIN):
        return undecided(f"the server answers {dns.rcode.to_text(dns.rcode.Rcode(response.rcode))}")
    records = response.read_next_section()
    if not response.authoritative:
        return undecided(_LAME) if records else _judge_referral(response, key, zone)
    for record in records:
        # The CNAME beside it is synthesized from it (RFC 6672 3.1).
        if record.type == dns.rdatatype.DNAME and names.is_below(key.name, record.owner):
            return _behind_dname(record.owner, zone)
    return _answer(response, key, records)


def _behind_dname(owner: str, zone: str) -> Answer:
    if owner != zone and not names.is_below(owner, zone):
        return undecided(_LAME)
    return hidden(f"it lies below the DNAME {owner}")


def _judge_referral(response: _Response, key: RRsetKey, zone: str) -> Answer:
    """The parent of a zone cut shows the NS RRset there and its glue, and nothing else (RFC 1034 4.3.2)."""
    ns_records = [record for record in response.read_next_section() if record.type == dns.rdatatype.NS]
    cut = ns_records[0].owner if ns_records else ""
    if not cut or (key.name != cut and not names.is_below(key.name, cut)):
        return undecided(_LAME)
    if not names.is_below(cut, zone):
        return undecided(f"{cut} is delegated to other servers")
    if key == RRsetKey(cut, "NS"):
        return _answer(response, key, ns_records)
    is_glue = f"{key.name}." in {_text_of(response.wire, record) for record in ns_records}
    if is_glue and key.type in ("A", "AAAA"):
        return _answer(response, key, response.read_next_section())
    return hidden(f"it lies at or below the delegation {cut}")


def _answer(response: _Response, key: RRsetKey, records: list[_Record]) -> Answer:
    """The RRset `key` of these records; no `rdata` when it is not among them."""
    wanted = _type_number(key.type)
    rrset = [record for record in records if record.type == wanted and record.owner == key.name]
    if not rrset:
        return Answer(ttl=None, rdata=frozenset())
    rdata = frozenset(_text_of(response.wire, record) for record in rrset)
    ttls = {record.ttl for record in rrset}
    if len(ttls) == 1:
        return Answer(ttl=rrset[0].ttl, rdata=rdata)
    lowest = min(ttls)
    return Answer(ttl=lowest, rdata=rdata, other_ttls=frozenset(ttls - {lowest}))


def _text_of(wire: bytes, record: _Record) -> str:
    return rdata_text(wire, record.type, record.start, record.length)


def rdata_text(wire: bytes, number: int, start: int, length: int) -> str:
    """Return the RDATA of a type that stands there in the message, in canonical form.

    Raises what dnspython raises where it is no value of the type.
    """
    if show := _SHOW_ADDRESS.get(number):  # as what follows does, in a tenth of the time
        return show(wire[start : start + length])
    if number in _NAMES_ALONE:
        parser = dns.wire.Parser(wire[: start + length], start)
        return in_generic(
            b"".join(parser.get_name(decompress=True).to_wire() or b"" for _ in range(_NAMES_ALONE[number]))
        )
    rdata_type = dns.rdatatype.RdataType(number)
    return presentation(dns.rdata.from_wire(dns.rdataclass.IN, rdata_type, wire, start, length))


@lru_cache(maxsize=64)
def _type_number(record_type: str) -> int:
    return int(dns.rdatatype.from_text(record_type))


def _behind_name(wire: bytes, place: int) -> int:
    """Return where the name ends that begins at this place. Raises ValueError."""
    while place < len(wire):
        length = wire[place]
        if length >= _POINTER:
            return place + 2
        place += 1 + length
        if not length:
            return place
    raise ValueError("the message ends within a name")


def _name_on_wire(name: str) -> bytes:
    if "\\" in name:
        return dns.name.from_text(name).to_wire() or b""
    labels = name.encode("ascii").split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"

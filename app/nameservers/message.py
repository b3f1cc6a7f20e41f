"""DNS messages: the question for one RRset, and what the reply says about it (RFC 1035 4)."""

import struct
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.rdata import presentation

HEADER = struct.Struct("!HHHHHH")  # id, flags, and how many records each of the four sections has
_QUESTION_END = struct.Struct("!HH")  # type, class
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the RDATA

_QR, _AA, _TC, _RCODE = 0x8000, 0x0400, 0x0200, 0x000F
_NOERROR, _NXDOMAIN = 0, 3
_LAME = "the server is not authoritative for the name"
_FIRST_NAME = b"\xc0\x0c"  # a pointer to the question's name, RFC 1035 4.1.4


class _Record(NamedTuple):
    owner: str  # lower case, no trailing dot
    type: int
    ttl: int
    start: int  # of the RDATA
    length: int


class _Reply:
    """A message whose sections are read in their order, each when it is needed."""

    def __init__(self, wire: bytes, asked: str) -> None:
        self.wire = wire
        self._asked = asked
        self._parser = dns.wire.Parser(wire, HEADER.size)
        _, self._flags, questions, *self._counts = HEADER.unpack_from(wire)
        for _ in range(questions):
            self._parser.get_name(decompress=True)
            self._parser.get_bytes(_QUESTION_END.size)

    @property
    def rcode(self) -> int:
        return int(self._flags & _RCODE)

    @property
    def authoritative(self) -> bool:
        return bool(self._flags & _AA)

    @property
    def cut_off(self) -> bool:
        return bool(self._flags & _TC)

    def next_section(self) -> list[_Record]:
        return [self._record() for _ in range(self._counts.pop(0))]

    def _record(self) -> _Record:
        owner = self._owner()
        record_type, _, ttl, length = self._parser.get_struct(_RECORD.format)
        start = self._parser.current
        self._parser.seek(start + length)
        return _Record(owner, record_type, ttl, start, length)

    def _owner(self) -> str:
        start = self._parser.current
        if self.wire[start : start + 2] == _FIRST_NAME:
            self._parser.seek(start + 2)
            return self._asked
        return self._parser.get_name(decompress=True).to_text(omit_final_dot=True).lower()


def question(key: RRsetKey) -> bytes:
    """The question section that asks for `key`."""
    labels = key.name.encode("ascii").split(b".")
    name = b"".join(bytes([len(label)]) + label for label in labels)
    return name + b"\0" + _QUESTION_END.pack(_type_number(key.type), dns.rdataclass.IN)


def query(query_id: int, asked: bytes) -> bytes:
    """A query without recursion, with the length in front of it that TCP needs (RFC 1035 4.2.2)."""
    return struct.pack("!H", HEADER.size + len(asked)) + HEADER.pack(query_id, 0, 1, 0, 0, 0) + asked


def id_of(wire: bytes) -> int | None:
    """The id of the query that `wire` replies to; None when it is too short to be a message."""
    return int(HEADER.unpack_from(wire)[0]) if len(wire) >= HEADER.size else None


def answers(wire: bytes, asked: bytes) -> bool:
    """Whether `wire`, whose id fits, replies to `asked`. An error may come without the question."""
    _, flags, questions, *_ = HEADER.unpack_from(wire)
    if not flags & _QR:
        return False
    if questions == 0:
        return bool(flags & _RCODE)
    end = HEADER.size + len(asked)
    return wire[HEADER.size : end] == asked or wire[HEADER.size : end].lower() == asked.lower()


def read(wire: bytes, key: RRsetKey) -> Answer:
    """What the reply `wire` says about `key`; an `Answer.error` where it does not decide it."""
    try:
        return _judge(_Reply(wire, key.name), key)
    except (dns.exception.DNSException, struct.error, ValueError) as error:
        return _unusable(f"the reply can't be read: {error}")


def _judge(reply: _Reply, key: RRsetKey) -> Answer:
    if reply.cut_off:
        return _unusable("the reply is cut off")
    if reply.rcode not in (_NOERROR, _NXDOMAIN):
        return _unusable(f"the server answers {dns.rcode.to_text(dns.rcode.Rcode(reply.rcode))}")
    found = reply.next_section()
    if not reply.authoritative:
        return _unusable(_LAME) if found else _referral(reply, key)
    if any(record.type == dns.rdatatype.DNAME for record in found):
        return _rrset(reply, key, [])  # a CNAME beside it is made up from it (RFC 6672 3.1)
    return _rrset(reply, key, found)


def _referral(reply: _Reply, key: RRsetKey) -> Answer:
    """The parent's side of a zone cut: it knows the NS RRset and the glue, no more (RFC 1034 4.3.2)."""
    cut = [record for record in reply.next_section() if record.type == dns.rdatatype.NS]
    if not cut or not _at_or_below(key.name, cut[0].owner):
        return _unusable(_LAME)
    if key == RRsetKey(cut[0].owner, "NS"):
        return _rrset(reply, key, cut)
    if f"{key.name}." in {_text(reply.wire, record) for record in cut}:
        return _rrset(reply, key, reply.next_section())
    return _unusable(f"{cut[0].owner} is delegated to other servers")


def _at_or_below(name: str, parent: str) -> bool:
    return name == parent or name.endswith("." + parent)


def _unusable(why: str) -> Answer:
    return Answer(ttl=None, rdata=frozenset(), error=why)


def _rrset(reply: _Reply, key: RRsetKey, records: list[_Record]) -> Answer:
    wanted = _type_number(key.type)
    found = [record for record in records if record.type == wanted and record.owner == key.name]
    if not found:
        return Answer(ttl=None, rdata=frozenset())
    return Answer(ttl=found[0].ttl, rdata=frozenset(_text(reply.wire, record) for record in found))


def _text(wire: bytes, record: _Record) -> str:
    rdata_type = dns.rdatatype.RdataType(record.type)
    return presentation(dns.rdata.from_wire(dns.rdataclass.IN, rdata_type, wire, record.start, record.length))


@lru_cache(maxsize=64)
def _type_number(record_type: str) -> int:
    return int(dns.rdatatype.from_text(record_type))

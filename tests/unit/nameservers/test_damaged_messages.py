"""Messages that no server should send: cut, with other octets, with names that point anywhere, badly signed.

Each is read, or refused in words; nothing else is raised, and nothing is taken for what was not sent.
"""

import struct
from collections.abc import Callable
from functools import cache

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.change import RRsetKey
from app.domain.rdata import wire
from app.nameservers import message, zone_messages
from app.nameservers.serials import read_serial
from app.nameservers.tsig import Signer
from tests.support.thoroughly import examples
from tests.unit.domain.rdata.cases import cases
from tests.unit.domain.rdata.tables import TABLES

NAME, ZONE = "www.example.test", "example.test"
KEY = dns.tsig.Key("key.", "c2VjcmV0", dns.tsig.HMAC_SHA256)
SOA = dns.rrset.from_text("example.test.", 300, "IN", "SOA", "ns.example.test. h.example.test. 7 1 1 1 60")
NS = dns.rrset.from_text("sub.example.test.", 300, "IN", "NS", "ns.sub.example.test.")
SMALL = [case for table in TABLES for case in cases(table.GOOD) if len(case.expected) < 300]


def question(record_type: str, owner: str = NAME) -> bytes:
    return message.question_section(RRsetKey(owner, record_type))


@cache
def response_with(number: int) -> bytes:
    """An answer that has this value of SMALL, an SOA and a delegation, with names that are compressed."""
    case = SMALL[number]
    octets = wire(case.type, case.expected)
    rdtype = dns.rdatatype.from_text(case.type)
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, octets, 0, len(octets))
    made = dns.message.make_response(dns.message.make_query(NAME, rdtype, id=1))
    made.flags |= dns.flags.AA
    made.answer = [dns.rrset.from_rdata(f"{NAME}.", 300, rdata)]
    made.authority = [SOA, NS]
    return made.to_wire()


RESPONSES = st.sampled_from(range(len(SMALL))).map(response_with)
SERIAL = dns.message.make_response(dns.message.make_query(ZONE, "SOA", id=1))
SERIAL.flags |= dns.flags.AA
SERIAL.answer = [SOA]

ODD = st.sampled_from(
    [b"\xc0\x0c", b"\xc0", b"\xff\xff", b"\x3f", b"\x40", b"\0", b"\0\0\xfa", b"\0\x29", b""]
)
ODD |= st.integers(0, 0x3FFF).map(lambda place: struct.pack("!H", 0xC000 | place)) | st.binary(max_size=4)


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """A message of which some octets are others, are missing, or came in between; all of it, or a part."""
    octets = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 4))] = draw(ODD)
    return bytes(octets[: draw(st.none() | st.integers(0, len(octets)))])


RESPONSE = damaged(RESPONSES) | st.binary(max_size=80)
TYPES = st.sampled_from(sorted({case.type for case in SMALL}))


@settings(max_examples=examples(120))
@given(RESPONSE, TYPES, st.sampled_from([NAME, "sub.example.test", "ns.sub.example.test"]))
def test_an_answer_is_read_or_is_an_error(octets: bytes, record_type: str, owner: str) -> None:
    if message.message_id(octets) is None:
        return
    key = RRsetKey(owner, record_type)
    answer = message.read_answer(octets, key, ZONE)
    assert not (answer.rdata and answer.error)
    assert message.read_enclosing_zone(octets, owner) in (
        None,
        owner,
        NAME,
        "sub.example.test",
        ZONE,
        "test",
        "",
    )
    assert message.is_response_to(octets, question(record_type, owner)) in (True, False)
    assert message.rcode(octets) in range(16)


@settings(max_examples=examples(120))
@given(RESPONSE)
def test_a_message_of_a_transfer_is_read_or_malformed(octets: bytes) -> None:
    try:
        found = zone_messages.read_message(octets)
    except zone_messages.Malformed:
        return
    for record in found.records:
        assert 0 <= record.serial < 2**32
        try:
            read = record.read()
        except zone_messages.Malformed:
            assert record.is_soa
            continue
        assert read.rdata.isprintable()
        assert read.name.isascii()


@given(damaged(st.just(SERIAL.to_wire())))
def test_a_serial_is_read_or_it_is_said_why_not(octets: bytes) -> None:
    try:
        found = read_serial(octets, question("SOA", ZONE))
    except (ValueError, IndexError, struct.error):
        return
    assert found in range(2**32) if isinstance(found, int) else found


def signed_reply(query: bytes) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(query, keyring=KEY))
    reply.answer = [SOA]
    return reply.to_wire()


QUERY, MAC = Signer(KEY).sign(message.query(1, question("SOA", ZONE)))
SIGNED = signed_reply(QUERY)


@pytest.mark.parametrize("at", [2, 3, 4, 7], ids=["class", "class", "ttl", "ttl"])
def test_what_a_signature_does_not_cover_is_as_it_has_to_be(at: int) -> None:
    octets = bytearray(SIGNED)
    octets[SIGNED.rindex(b"\x00\xfa\x00\xff") + at] ^= 1
    assert Signer(KEY).check(bytes(octets), MAC)


@settings(max_examples=examples(60))
@given(damaged(st.just(SIGNED)))
def test_a_signature_counts_for_what_was_signed_alone(octets: bytes) -> None:
    if len(octets) < 12:  # nobody asks about less than a header
        return
    why = Signer(KEY).check(octets, MAC)
    assert why or octets[2:] == SIGNED[2:] or octets[3] & 0x0F  # the id is covered by the original id
    try:
        found = zone_messages.read_message(octets)
    except zone_messages.Malformed:
        return
    replies = Signer(KEY).replies(MAC)
    assert replies.check(octets, found.signature_start) or octets[2:] == SIGNED[2:]


def chain(start: int, length: int) -> bytes:
    """Pointers, each to the one before; the first to a name of one octet in front of it."""
    return b"\0" + b"".join(
        struct.pack("!H", 0xC000 | start + max(0, 2 * each - 1)) for each in range(length)
    )


def record(owner: bytes, rdtype: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rdtype, 1, 60, len(rdata)) + rdata


def message_of_chains() -> bytes:
    """A message whose every record has an owner name that is thousands of pointers long."""
    pointers = chain(12 + 1 + 10, 8_000)
    first = record(b"\0", 65_280, pointers)
    last = struct.pack("!H", 0xC000 | 12 + 11 + len(pointers) - 2)
    others = record(last, 65_280, b"") * 3_000
    return struct.pack("!HHHHHH", 1, 0x8400, 0, 3_001, 0, 0) + first + others


@pytest.mark.parametrize(
    "read",
    [
        lambda octets: message.read_answer(octets, RRsetKey(NAME, "TYPE65280"), ZONE).error,
        lambda octets: message.read_enclosing_zone(octets, NAME) is None,
    ],
)
def test_names_of_thousands_of_pointers(read: Callable[[bytes], object]) -> None:
    octets = message_of_chains()
    assert read(octets)
    with pytest.raises(zone_messages.Malformed, match="points on and on"):
        zone_messages.read_message(octets)

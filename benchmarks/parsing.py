"""Reading what a DNS server answers: `app/nameservers/message.py` beside dnspython's `dns.message`.

docs/decisions/0010-reading-replies.md rests on these figures.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import dns.flags
import dns.message
import dns.rdatatype
from dns.rcode import Rcode
from dns.rdataclass import IN

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.rdata import presentation
from app.domain.server import Server
from app.nameservers import resolver
from app.nameservers.message import question_section, read_answer
from app.nameservers.tcp import query_pipelined
from benchmarks.peers.nsupdate import nsupdate
from benchmarks.report import Figure, Report, beside
from benchmarks.rig import Rig, addresses
from benchmarks.statistics import interleaved

_TIMEOUT = 60.0  # seconds
_OURS = "ours"

Answers = Mapping[RRsetKey, Answer]
Reader = Callable[[bytes, RRsetKey], Answer]
Asker = Callable[[RRsetKey], bytes]  # makes a question section


def run(rig: Rig, quick: bool) -> Report:
    """A records in one zone, as `backlog` verifies them: read from memory, and asked of BIND over TCP."""
    number, rounds = (2_000, 3) if quick else (10_000, 7)
    zone, server = rig.new_zone(), Server(rig.address, rig.port)
    resources = addresses(zone, number)
    nsupdate(rig, zone, resources)
    keys = [RRsetKey(str(resource["domain"]), "A") for resource in resources]
    reading = interleaved(_timed(_ways_to_read(server, keys)), rounds)
    asking = interleaved(_timed(_ways_to_ask(server, keys)), rounds)
    return Report(
        f"Asking for {number:,} RRsets, and reading the responses (median of {rounds})",
        [*_figures("reading", reading), *_figures("asking and reading", asking)],
        "Each way gave the same answers.",
    )


def _ways_to_read(server: Server, keys: Sequence[RRsetKey]) -> dict[str, Callable[[], Answers]]:
    responses = [
        (reply.wire, keys[index])
        for index, reply in query_pipelined(server, map(question_section, keys), _TIMEOUT)
    ]
    readers = {_OURS: read_answer, "from_wire": _read_all, "from_wire, answer section only": _read_section}
    return {name: partial(_read_each, responses, reader) for name, reader in readers.items()}


def _read_each(responses: Sequence[tuple[bytes, RRsetKey]], reader: Reader) -> Answers:
    return {key: reader(wire, key) for wire, key in responses}


def _ways_to_ask(server: Server, keys: Sequence[RRsetKey]) -> dict[str, Callable[[], Answers]]:
    return {
        _OURS: partial(resolver.ask, server, keys, _TIMEOUT),
        "make_query and from_wire": partial(_ask, server, keys, _make_question, _read_all),
        "from_wire, answer section only": partial(_ask, server, keys, question_section, _read_section),
    }


def _ask(server: Server, keys: Sequence[RRsetKey], asker: Asker, reader: Reader) -> Answers:
    questions = [asker(key) for key in keys]
    return {
        keys[index]: reader(reply.wire, keys[index])
        for index, reply in query_pipelined(server, questions, _TIMEOUT)
    }


def _make_question(key: RRsetKey) -> bytes:
    return dns.message.make_query(key.name, key.type, flags=0).to_wire()[12:]  # without the header


def _read_all(wire: bytes, key: RRsetKey) -> Answer:
    return _judge(dns.message.from_wire(wire), key)


def _read_section(wire: bytes, key: RRsetKey) -> Answer:
    """Set the counts of the other sections to 0, so that their octets are ignored as trailing ones."""
    return _judge(dns.message.from_wire(wire[:8] + bytes(4) + wire[12:], ignore_trailing=True), key)


def _judge(response: dns.message.Message, key: RRsetKey) -> Answer:
    """As `read_answer` does, but for referrals, of which there are none here."""
    if response.flags & dns.flags.TC or not response.flags & dns.flags.AA:
        return Answer(None, frozenset(), "not complete, or not authoritative")
    if response.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return Answer(None, frozenset(), response.rcode().name)
    name, rdata_type = response.question[0].name, dns.rdatatype.from_text(key.type)
    rrset = response.get_rrset(response.answer, name, IN, rdata_type)
    if rrset is None or any(each.rdtype == dns.rdatatype.DNAME for each in response.answer):
        return Answer(None, frozenset())
    return Answer(rrset.ttl, frozenset(map(presentation, rrset)))


def _timed(ways: Mapping[str, Callable[[], Answers]]) -> dict[str, Callable[[], float]]:
    expected = ways[_OURS]()
    return {name: partial(_seconds, way, expected) for name, way in ways.items()}


def _seconds(way: Callable[[], Answers], expected: Answers) -> float:
    began = time.perf_counter()
    answers = way()
    taken = time.perf_counter() - began
    assert answers == expected
    return taken


def _figures(what: str, taken: Mapping[str, float]) -> list[Figure]:
    others = {name: seconds for name, seconds in taken.items() if name != _OURS}
    return [
        Figure(f"{what}, {_OURS}", taken[_OURS], "s"),
        *(beside(f"{what}, {name}", seconds, "s") for name, seconds in others.items()),
        *(Figure(f"{what}, {name} / {_OURS}", seconds / taken[_OURS]) for name, seconds in others.items()),
    ]

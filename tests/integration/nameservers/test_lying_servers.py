"""Servers that answer anything: whoever asks has an answer or a reason in time, with bounded memory."""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.nameservers import resolver
from app.nameservers.probe import ProbeFailed, ask_serial, try_transfer, try_update
from app.nameservers.resolver import ask
from app.nameservers.serials import ask_serials
from app.nameservers.transfer import Kind, Limits, TransferFailed, transfer
from tests.support.fuzzing import the_same
from tests.support.name_servers import Connection, Script, serving

KEYS = [RRsetKey(f"h{number}.example.test", "A") for number in range(8)]
GOOD = Answer(ttl=300, rdata=frozenset({"192.0.2.1"}))
SOA = "example.test. 60 IN SOA ns.example.test. h.example.test. {} 1 1 1 60"
TIMEOUT = 0.2  # seconds
FEW = Limits(TIMEOUT, 1, 1_000_000)
TSIG = dns.tsig.Key("key.", "c2VjcmV0", dns.tsig.HMAC_SHA256)
OTHER = dns.tsig.Key("key.", "b3RoZXI=", dns.tsig.HMAC_SHA256)

Deed = Callable[[Connection, dns.message.Message], None]


def rrset(words: str) -> dns.rrset.RRset:
    name, ttl, rdclass, rdtype, rdata = words.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), rdclass, rdtype, rdata)


def reply_to(query: dns.message.Message) -> dns.message.Message:
    """What a good server answers: an address, a serial, or a zone."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    [question] = query.question
    kind = dns.rdatatype.to_text(question.rdtype)
    if kind == "A":
        reply.answer = [dns.rrset.from_text(question.name, 300, "IN", "A", "192.0.2.1")]
    else:
        whole = [SOA.format(7), "a.example.test. 60 IN A 192.0.2.1", SOA.format(7)]
        reply.answer = [rrset(each) for each in (whole[:1] if kind == "SOA" else whole)]
    return reply


def octets_of(query: dns.message.Message) -> bytes:
    return reply_to(query).to_wire(max_size=65_535)


def well(connection: Connection, query: dns.message.Message) -> None:
    connection.send(reply_to(query))


def with_another_id(connection: Connection, query: dns.message.Message) -> None:
    connection.send_wire(struct.pack("!H", query.id ^ 0xFFFF) + octets_of(query)[2:])


def about_something_else(connection: Connection, query: dns.message.Message) -> None:
    reply = reply_to(query)
    reply.question = dns.message.make_query("other.test", "A").question
    connection.send(reply)


def truncated(connection: Connection, query: dns.message.Message) -> None:
    reply = reply_to(query)
    reply.flags |= dns.flags.TC
    connection.send(reply)


def signed_by_another(connection: Connection, query: dns.message.Message) -> None:
    reply = reply_to(query)
    reply.use_tsig(OTHER)
    reply.request_mac = b"x" * 32
    connection.send(reply)


def hang_up(_: Connection, __: dns.message.Message) -> None:
    raise OSError


def be_silent(_: Connection, __: dns.message.Message) -> None:
    pass


def announce_more_than_comes(connection: Connection, query: dns.message.Message) -> None:
    connection.send_octets(struct.pack("!H", 65_535) + octets_of(query))


def send_crumbs(connection: Connection, query: dns.message.Message) -> None:
    octets = octets_of(query)
    for octet in struct.pack("!H", len(octets)) + octets:
        connection.send_octets(bytes([octet]))


def twice(connection: Connection, query: dns.message.Message) -> None:
    connection.send(reply_to(query))
    connection.send(reply_to(query))


def without_end(connection: Connection, query: dns.message.Message) -> None:
    reply = reply_to(query)
    reply.answer = reply.answer[:2]
    while True:
        connection.send(reply)


def damaged(places: Sequence[tuple[int, int]], cut: int) -> Deed:
    def deed(connection: Connection, query: dns.message.Message) -> None:
        octets = bytearray(octets_of(query))
        for place, octet in places:
            octets[2 + place % (len(octets) - 2)] = octet
        connection.send_wire(bytes(octets[: len(octets) - cut]))

    return deed


OCTETS = st.integers(0, 255) | st.sampled_from([0, 0x0C, 0x40, 0xC0, 0xFF])
DAMAGED = st.builds(damaged, st.lists(st.tuples(st.integers(0, 100), OCTETS), max_size=5), st.integers(0, 30))
HARMLESS = (well, with_another_id, about_something_else, send_crumbs, twice)
OTHERS = (truncated, signed_by_another, hang_up, be_silent, announce_more_than_comes, without_end)
DEEDS = st.lists(st.sampled_from((*HARMLESS, *OTHERS)) | DAMAGED, min_size=1, max_size=10)


def doing(deeds: Sequence[Deed]) -> Script:
    """A server that does these deeds one after the other, over all its connections; then it is good."""
    left: Iterator[Deed] = iter(deeds)

    def script(connection: Connection) -> None:
        for query in connection.queries():
            next(left, well)(connection, query)

    return script


@the_same(8)
@given(deeds=DEEDS)
def test_every_question_has_an_answer_or_a_reason(deeds: list[Deed]) -> None:
    with serving(doing(deeds)) as server:
        answers = ask(server, KEYS, TIMEOUT, doubt=lambda _, answer: len(deeds) % 2 == 0, zone="example.test")
    assert set(answers) == set(KEYS)
    if all(deed in HARMLESS for deed in deeds):
        assert set(answers.values()) <= {GOOD} or any(answer.error for answer in answers.values())


@the_same(6)
@given(deeds=DEEDS)
def test_every_zone_has_a_serial_or_a_reason(deeds: list[Deed]) -> None:
    zones = ["example.test", *(f"z{number}.test" for number in range(5))]
    with serving(doing(deeds)) as server:
        found = ask_serials(server, zones, TIMEOUT)
    assert set(found) == set(zones)
    assert all(isinstance(serial, int) or serial for serial in found.values())


@the_same(8)
@given(deeds=DEEDS, since=st.none() | st.integers(0, 7))
def test_a_transfer_ends_or_has_failed(deeds: list[Deed], since: int | None) -> None:
    with serving(doing(deeds)) as server:
        try:
            with transfer(server, "example.test", FEW, since) as found:
                if found.kind is Kind.WHOLE:
                    list(found.records())
                else:
                    list(found.deltas())
        except TransferFailed:
            pass


@the_same(6)
@given(deeds=DEEDS)
def test_a_probe_finds_something_out_or_has_failed(deeds: list[Deed]) -> None:
    with serving(doing(deeds)) as server:
        for probe in (
            lambda: ask_serial(server, "example.test", TIMEOUT),
            lambda: try_update(server, "example.test", None, TIMEOUT),
            lambda: try_transfer(server, "example.test", TIMEOUT),
        ):
            with suppress(ProbeFailed):
                probe()


def test_answers_that_are_too_large_to_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is as large as a message may be, and right; together they would take the memory of the worker."""
    monkeypatch.setattr(resolver, "MAX_REPLIES", 1_000_000)
    keys = [RRsetKey(f"h{number}.example.test", "A") for number in range(300)]
    ballast = dns.rrset.from_text(
        "big.example.test.", 1, "IN", "TXT", " ".join(['"' + "x" * 255 + '"'] * 250)
    )

    def script(connection: Connection) -> None:
        for query in connection.queries():
            reply = reply_to(query)
            reply.additional = [ballast]
            connection.send(reply)

    with serving(script) as server:
        answers = list(ask(server, keys, 10).values())
    assert answers.count(GOOD) == 15
    assert {answer.error for answer in answers} == {None, "its answers are too large to be kept"}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "k.key"
    path.write_text('key "key" { algorithm hmac-sha256; secret "c2VjcmV0"; };')
    return path


def test_no_answer_counts_that_is_not_signed(key_file: Path) -> None:
    """Each deed, to questions that are signed: none of them knows the key."""

    @the_same(6)
    @given(deeds=st.lists(st.sampled_from((*HARMLESS, *OTHERS)) | DAMAGED, min_size=10, max_size=10))
    def ask_signed(deeds: list[Deed]) -> None:
        with serving(doing(deeds)) as server:
            answers = ask(server._replace(key_file=key_file), KEYS, TIMEOUT)
        assert set(answers) == set(KEYS)
        assert all(answer.error for answer in answers.values())

    ask_signed()

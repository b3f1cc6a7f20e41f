"""Servers that respond late, wrongly, in part or not at all: none of that may count as an answer."""

import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.server import Server
from app.nameservers import tcp
from app.nameservers.resolver import ask, ask_all
from tests.support.name_servers import Connection, Script, serving

KEYS = [RRsetKey(f"h{i}.example.test", "A") for i in range(1000)]
KEY = KEYS[7]


def reply_to(query: dns.message.Message, flags: int = dns.flags.AA) -> dns.message.Message:
    """What a good server answers: the address 192.0.2.1."""
    reply = dns.message.make_response(query)
    reply.flags |= flags
    reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", "192.0.2.1"))
    return reply


GOOD = Answer(ttl=300, rdata=frozenset({"192.0.2.1"}))


def answered_by(script: Script) -> Answer:
    with serving(script) as server:
        return ask(server, [KEY], timeout=30)[KEY]


def test_replies_in_another_order() -> None:
    def script(connection: Connection) -> None:
        while waiting := list(connection.queries(100)):
            for query in reversed(waiting):
                connection.send(reply_to(query))

    with serving(script) as server:
        assert ask(server, KEYS, timeout=30) == dict.fromkeys(KEYS, GOOD)


def test_a_server_that_hangs_up_now_and_then_is_called_again() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries(30):
            connection.send(reply_to(query))

    with serving(script) as server:
        assert ask(server, KEYS, timeout=30) == dict.fromkeys(KEYS, GOOD)


def test_replies_in_crumbs() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            wire = reply_to(query).to_wire()
            for octet in struct.pack("!H", len(wire)) + wire:
                connection.send_octets(bytes([octet]))

    assert answered_by(script) == GOOD


def test_large_replies_that_nobody_reads_while_questions_are_written() -> None:
    strings = " ".join(['"' + "x" * 255 + '"'] * 200)
    ballast = dns.rrset.from_text("big.example.test.", 1, "IN", "TXT", strings)

    def script(connection: Connection) -> None:
        for query in connection.queries():
            reply = reply_to(query)
            reply.additional.append(ballast)
            connection.send(reply)

    some = KEYS[:300]
    with serving(script) as server:
        assert ask(server, some, timeout=30) == dict.fromkeys(some, GOOD)


def test_replies_to_something_else_are_passed_over() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            other = dns.message.make_query("other.example.test", "A", id=query.id)
            unknown = dns.message.make_query(query.question[0].name, "A", id=query.id ^ 0x8000)
            for stray in (reply_to(other), reply_to(unknown), query):
                connection.send(stray)
            connection.send_wire(b"\0")
            connection.send_wire(b"")
            connection.send(reply_to(query))

    assert answered_by(script) == GOOD


def test_a_server_that_changes_the_case_of_names() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            wire = reply_to(query).to_wire()
            connection.send_wire(wire.replace(b"example", b"eXAMPLE"))

    assert answered_by(script) == GOOD


def refusing(rcode: dns.rcode.Rcode, *, with_question: bool = True) -> Script:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            reply = dns.message.make_response(query)
            reply.set_rcode(rcode)
            if not with_question:
                reply.question.clear()
            connection.send(reply)

    return script


@pytest.mark.parametrize("with_question", [True, False])
@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTAUTH", "NOTIMP", "FORMERR"])
def test_a_refusal_is_no_answer(rcode: str, with_question: bool) -> None:
    answer = answered_by(refusing(dns.rcode.from_text(rcode), with_question=with_question))
    assert answer.error == f"the server answers {rcode}"


def sending(change: Callable[[dns.message.Message], None], flags: int = dns.flags.AA) -> Script:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            reply = reply_to(query, flags)
            change(reply)
            connection.send(reply)

    return script


def delegate(reply: dns.message.Message, zone: str) -> None:
    reply.answer.clear()
    reply.authority.append(dns.rrset.from_text(zone, 300, "IN", "NS", "ns.other.test."))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda reply: None, id="what a cache knows"),
        pytest.param(lambda reply: reply.answer.clear(), id="empty"),
        pytest.param(lambda reply: delegate(reply, "."), id="a referral upwards"),
    ],
)
def test_what_is_not_authoritative_is_no_answer(change: Callable[[dns.message.Message], None]) -> None:
    answer = answered_by(sending(change, flags=0))
    assert answer.error == "the server is not authoritative for the name"


def test_a_referral_that_the_parent_of_the_zone_gives_is_no_answer() -> None:
    with serving(sending(lambda reply: delegate(reply, "example.test."), flags=0)) as server:
        answer = ask(server, [KEY], timeout=30, zone="example.test")[KEY]
        assert answer.error == "example.test is delegated to other servers"
        assert ask(server, [KEY], timeout=30, zone="test")[KEY].error is None


def test_a_reply_that_is_cut_off_is_no_answer() -> None:
    assert answered_by(sending(lambda reply: None, dns.flags.AA | dns.flags.TC)).error


def broken(damage: Callable[[bytes], bytes]) -> Script:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            connection.send_wire(damage(reply_to(query).to_wire()))

    return script


@pytest.mark.parametrize(
    "damage",
    [
        lambda wire: wire[:-1],  # the address lacks an octet
        lambda wire: wire[:-5],
        lambda wire: wire[:6] + b"\xff\xff" + wire[8:],  # more answers announced than there are
        lambda wire: wire[:4] + b"\x00\x02" + wire[6:],  # two questions
        lambda wire: wire[:-16] + b"\xc0\xff" + wire[-14:],  # a pointer to nowhere
        lambda wire: wire[:-16] + b"\xc0\x1e" + wire[-14:],  # a pointer to itself
    ],
)
def test_a_reply_that_cannot_be_read_is_no_answer(damage: Callable[[bytes], bytes]) -> None:
    answer = answered_by(broken(damage))
    assert str(answer.error).startswith("the reply can't be read")
    assert answer.rdata == frozenset()


def silent(connection: Connection) -> None:
    list(connection.queries())


def hanging_up(connection: Connection) -> None:
    connection.query()


def babbling(connection: Connection) -> None:
    while True:
        connection.send_wire(b"not DNS at all, and more than twelve octets")


def silent_after_some(connection: Connection) -> None:
    for query in connection.queries(10):
        connection.send(reply_to(query))
    silent(connection)


def errors_of(answers: Mapping[RRsetKey, Answer]) -> set[str | None]:
    return {answer.error for answer in answers.values()}


@pytest.mark.parametrize("script", [silent, babbling])
def test_a_server_that_does_not_answer_in_time(script: Script) -> None:
    started = time.monotonic()
    with serving(script) as server:
        answers = ask(server, KEYS, timeout=0.3)
    assert errors_of(answers) == {"no answer within 0.3 s"}
    assert time.monotonic() - started < 30


def test_what_a_server_answers_before_it_falls_silent_is_kept() -> None:
    with serving(silent_after_some) as server:
        answers = list(ask(server, KEYS, timeout=0.3).values())
    assert answers.count(GOOD) == 10
    assert {answer.error for answer in answers if answer != GOOD} == {"no answer within 0.3 s"}


def mute_about(owners: Collection[str], deed: Callable[[], None]) -> Script:
    """A server that answers but for these owner names, at which it does that deed."""

    def script(connection: Connection) -> None:
        for query in connection.queries():
            if query.question[0].name.to_text() in owners:
                deed()
            else:
                connection.send(reply_to(query))

    return script


def hang_up() -> None:
    raise OSError("enough")


@pytest.mark.parametrize(
    ("deed", "timeout", "error"),
    [(lambda: None, 3, "no answer within 3 s"), (hang_up, 30, "it hung up without an answer")],
)
def test_one_bad_question_costs_the_others_nothing(
    deed: Callable[[], None], timeout: float, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "TIME_PER_QUESTION", 1.0)  # a busy test server is not what is slow
    keys = KEYS[:100]
    bad = [keys[0], keys[50], keys[99]]
    with serving(mute_about([f"{key.name}." for key in bad], deed)) as server:
        answers = ask(server, keys, timeout)
    assert {key: answer.error for key, answer in answers.items() if answer != GOOD} == dict.fromkeys(
        bad, error
    )


def test_a_server_that_only_hangs_up() -> None:
    with serving(hanging_up) as server:
        answers = ask(server, KEYS, timeout=30)
    assert errors_of(answers) == {"it hung up without an answer"}


def test_slow_but_steady_is_no_timeout() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            time.sleep(0.1)
            connection.send(reply_to(query))

    with serving(script) as server:
        assert set(ask(server, KEYS[:8], timeout=2).values()) == {GOOD}


def test_a_round_is_over_in_time_however_steadily_a_server_answers() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            time.sleep(0.05)
            connection.send(reply_to(query))

    started = time.monotonic()
    with serving(script) as server:
        answers = list(ask(server, KEYS, timeout=1).values())
    assert 1.9 < time.monotonic() - started < 10  # a second, and a millisecond for each question
    assert answers.count(GOOD) > 5
    assert {answer.error for answer in answers if answer != GOOD} == {
        "it answers too slowly: the time for this round is over"
    }


def test_a_name_that_does_not_resolve_is_a_server_that_does_not_answer() -> None:
    with serving(sending(lambda reply: None)) as good:
        answers = ask_all([Server("no-such-host.invalid", 53), good], [KEY], timeout=10)
    assert answers.pop(good) == {KEY: GOOD}
    ((answer,),) = (each.values() for each in answers.values())
    assert str(answer.error).startswith("its name can't be resolved")


def test_every_address_of_a_name_is_tried() -> None:
    """`localhost` is ::1 too on most machines; this server listens on 127.0.0.1 alone."""
    with serving(sending(lambda reply: None)) as server:
        assert ask(Server("localhost", server.port), [KEY], timeout=10)[KEY] == GOOD


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_nobody_there() -> None:
    server = Server("127.0.0.1", closed_port())
    assert "refused" in str(ask(server, [KEY], timeout=30)[KEY].error)


def test_one_server_that_is_away_costs_only_its_own_answers() -> None:
    away = Server("127.0.0.1", closed_port())
    with serving(sending(lambda reply: None)) as good, serving(silent) as mute:
        answers = ask_all([good, away, mute, good], KEYS, timeout=3)
    assert answers[good] == dict.fromkeys(KEYS, GOOD)
    assert all(answer.error for server in (away, mute) for answer in answers[server].values())
    assert len(answers) == 3


def test_nothing_to_ask_needs_no_server() -> None:
    assert ask(Server("127.0.0.1", closed_port()), [], timeout=30) == {}
    assert ask_all([], [KEY], timeout=30) == {}

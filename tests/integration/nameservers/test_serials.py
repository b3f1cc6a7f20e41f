"""Serials of many zones from one server: BIND, Knot and PowerDNS, and servers that fail."""

from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.name
import dns.rrset
import pytest

from app.domain.server import Server
from app.nameservers.serials import HUNG_UP, NO_ZONE, NOT_LOADED, ask_serials, is_newer
from stack.embedded import Stack
from tests.support.name_servers import Connection, close_at_once, fail_always, serving
from tests.support.thoroughly import thoroughly
from tests.support.zones import ZoneUnderTest

ZoneOn = Callable[[str], ZoneUnderTest]


def server_of(zone: ZoneUnderTest, key_file: Path | None = None) -> Server:
    return Server(zone.target.address, zone.target.port, key_file)


@pytest.mark.parametrize("server", ["bind", thoroughly("knot"), "api"])
def test_each_zone_has_its_own(server: str, zone_on: ZoneOn) -> None:
    quiet, changed = zone_on(server), zone_on(server)
    names = [quiet.name, changed.name, "not-served.test"]
    before = ask_serials(server_of(quiet), names, 10)
    changed.do("create", "www", "A", "192.0.2.1")
    after = ask_serials(server_of(quiet), names, 10)
    was, now = before[changed.name], after[changed.name]
    assert isinstance(was, int)
    assert isinstance(now, int)
    assert is_newer(now, was)
    assert after[quiet.name] == before[quiet.name]
    assert after["not-served.test"] == "it answers REFUSED"


def test_signed_questions_get_what_is_shown_to_the_key(infrastructure: Stack, new_zone: str) -> None:
    address, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    signed = Server(address, int(port), infrastructure.key_file())
    assert ask_serials(signed, [new_zone, new_zone], 10) == {new_zone: 1}
    without_key = signed._replace(key_file=Path("/nowhere"))
    assert ask_serials(without_key, ["a.test"], 10) == {
        "a.test": "the key for questions to this server can't be used"
    }


def test_servers_that_fail_say_so_for_each_zone() -> None:
    zones = ["a.test", "b.test"]
    with serving(close_at_once) as server:
        assert ask_serials(server, zones, 5) == dict.fromkeys(zones, HUNG_UP)
    with serving(fail_always) as server:
        assert ask_serials(server, zones, 5) == dict.fromkeys(zones, "it answers SERVFAIL")
    with serving(lambda connection: [*connection.queries()].clear()) as server:
        assert ask_serials(server, zones, 0.2) == dict.fromkeys(zones, "no answer within 0.2 s")
    assert "refused" in str(ask_serials(Server("127.0.0.1", 9), zones, 5)["a.test"])


def reply_to(query: dns.message.Message, serial: int, *, authoritative: bool = True) -> dns.message.Message:
    reply = dns.message.make_response(query)
    name = query.question[0].name
    if authoritative:
        reply.flags |= dns.flags.AA
        text = f"ns.{name} h.{name} {serial} 1 1 1 1"
        reply.answer.append(dns.rrset.from_text(name, 300, "IN", "SOA", text))
    return reply


def test_a_server_that_closes_each_connection_after_some_answers_is_asked_again() -> None:
    def answer_three(connection: Connection) -> None:
        for query in connection.queries(3):
            connection.send(reply_to(query, 7))

    zones = [f"z{number}.test" for number in range(10)]
    with serving(answer_three) as server:
        assert ask_serials(server, zones, 5) == dict.fromkeys(zones, 7)


def test_only_an_authoritative_answer_has_a_serial() -> None:
    def lame(connection: Connection) -> None:
        for query in connection.queries():
            connection.send(reply_to(query, 7, authoritative=False))

    def of_the_parent(connection: Connection) -> None:
        for query in connection.queries():
            reply = reply_to(query, 7)
            reply.authority, reply.answer = reply.answer, []
            connection.send(reply)

    def uncompressed(connection: Connection) -> None:
        for query in connection.queries():
            wire = bytearray(reply_to(query, 2**32 - 1).to_wire())
            start = len(query.to_wire())
            connection.send_wire(bytes(wire[:start] + wire[12 : start - 4] + wire[start + 2 :]))

    for script, expected in ((lame, NOT_LOADED), (of_the_parent, NO_ZONE), (uncompressed, 2**32 - 1)):
        with serving(script) as server:
            assert ask_serials(server, ["a.test"], 5) == {"a.test": expected}

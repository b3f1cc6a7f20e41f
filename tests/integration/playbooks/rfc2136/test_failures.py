"""Batches that meet trouble: refused keys, servers that are away or fall silent, others who are faster."""

import base64
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.dependencies import MAX_GROUP
from dns.rcode import Rcode

from stack.embedded import Stack
from tests.support.zones import APPLIED, UNCHANGED, ZoneUnderTest, failed

Answerer = Callable[[bytes], bytes | None]  # None: close the connection without a word


@pytest.fixture
def zone(infrastructure: Stack, new_zone: str) -> ZoneUnderTest:
    return ZoneUnderTest(infrastructure, new_zone)


@contextmanager
def server(answer: Answerer) -> Iterator[Target]:
    """A DNS server on TCP that treats every message as it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_serve, args=(listener, answer), daemon=True).start()
        yield Target("127.0.0.1", listener.getsockname()[1], 2, 0.5)


def _serve(listener: socket.socket, answer: Answerer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the test is over
        with connection, connection.makefile("rb") as stream:
            while length := stream.read(2):
                wire = answer(stream.read(int.from_bytes(length)))
                if wire is None:
                    break
                connection.sendall(struct.pack("!H", len(wire)) + wire)


def _opcode(asked: bytes) -> int:
    return asked[2] >> 3 & 0xF


def _forged(asked: bytes, rcode: Rcode = Rcode.NOERROR) -> bytes:
    """An answer without content and without a signature."""
    flags = dns.flags.QR | dns.opcode.to_flags(dns.opcode.Opcode(_opcode(asked))) | rcode
    return asked[:2] + flags.to_bytes(2) + bytes(8)


# --- keys


def with_key(zone: ZoneUnderTest, name: str, secret: bytes) -> ZoneUnderTest:
    zone.key = dns.tsig.Key(name, base64.b64encode(secret), dns.tsig.HMAC_SHA256)
    return zone


def two_changes(zone: ZoneUnderTest) -> Sequence[dict[str, object]]:
    return zone.change("create", "a", "A", "192.0.2.1"), zone.change("update", "b", "A", "192.0.2.1")


@pytest.mark.parametrize(
    ("name", "reason"), [("orchestrator", "BADSIG"), ("somebody-else", "BADKEY")], ids=["secret", "name"]
)
def test_a_key_that_the_server_refuses(zone: ZoneUnderTest, name: str, reason: str) -> None:
    with_key(zone, name, b"not the secret of the server, not at all")
    changes = two_changes(zone)
    assert zone.apply(*changes) == [failed("tsig_refused")] * 2
    assert zone.apply(changes[1]) == [failed("tsig_refused")]  # noticed when asking, before any update
    assert "refused the TSIG key" in zone.message(changes[1])
    assert reason in zone.message(changes[1])


def test_clocks_that_differ(zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    late = SimpleNamespace(time=lambda: time.time() - 3600)
    monkeypatch.setattr(dns.message, "time", late)
    assert zone.do("create", "a", "A", "192.0.2.1") == failed("tsig_refused")
    assert "BADTIME" in str(zone.outcomes.problem)


# --- servers that are away, and answers that never come


def test_a_server_that_is_down(zone: ZoneUnderTest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    zone.target = Target("127.0.0.1", port, 2, 2)
    assert zone.apply(*two_changes(zone)) == [failed("server_unreachable")] * 2
    assert f"127.0.0.1:{port}" in str(zone.outcomes.problem)


def test_a_name_that_does_not_resolve(zone: ZoneUnderTest) -> None:
    zone.target = Target("no-such-host.invalid", 53, 2, 2)
    assert zone.do("create", "a", "A", "192.0.2.1") == failed("server_unreachable")


@pytest.mark.parametrize(
    "answer", [lambda _: None, lambda _: time.sleep(1), lambda asked: _forged(asked)[:11]]
)
def test_what_does_not_answer_gets_no_update(zone: ZoneUnderTest, answer: Answerer) -> None:
    updates: list[bytes] = []

    def note(asked: bytes) -> bytes | None:
        updates.extend([asked] if _opcode(asked) == dns.opcode.UPDATE else [])
        return answer(asked)

    with server(note) as zone.target:
        assert zone.apply(*two_changes(zone)) == [failed("server_unreachable")] * 2
    assert updates == []


def test_a_server_that_is_silent_is_not_waited_for_long(zone: ZoneUnderTest) -> None:
    started = time.monotonic()
    with server(lambda _: time.sleep(25)) as target:
        zone.target = target._replace(connect_timeout=0.3, answer_timeout=30)
        assert zone.do("create", "a", "A", "192.0.2.1") == failed("server_unreachable")
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("rcode", "code"),
    [
        (Rcode.NOTAUTH, "tsig_refused"),  # unsigned: PowerDNS
        (Rcode.REFUSED, "zone_not_loaded"),
        (Rcode.NXDOMAIN, "zone_not_loaded"),
        (Rcode.NOTIMP, "zone_failed"),
        (Rcode.FORMERR, "zone_failed"),
        (Rcode.SERVFAIL, "zone_failed"),
    ],
)
def test_a_server_that_does_not_answer_for_the_zone_gets_no_update(
    zone: ZoneUnderTest, rcode: Rcode, code: str
) -> None:
    with server(lambda asked: _forged(asked, rcode)) as zone.target:
        assert zone.apply(*two_changes(zone)) == [failed(code)] * 2
    assert zone.outcomes.messages == 0


@pytest.mark.parametrize("flags", [dns.flags.QR, dns.flags.QR | dns.flags.AA])
def test_a_server_that_is_not_authoritative_for_the_zone(zone: ZoneUnderTest, flags: int) -> None:
    zone.key = None
    with server(lambda asked: asked[:2] + flags.to_bytes(2) + bytes(8)) as zone.target:
        assert zone.do("create", "a", "A", "192.0.2.1") == failed("zone_not_loaded")


# --- servers that answer queries, and updates otherwise


@contextmanager
def updates_answered(zone: ZoneUnderTest, infrastructure: Stack, answer: Answerer) -> Iterator[None]:
    """Pass queries on to the real server, and answer updates with what `answer` returns."""
    real = ZoneUnderTest(infrastructure, zone.name).target
    is_update = dns.opcode.UPDATE
    with server(lambda asked: answer(asked) if _opcode(asked) == is_update else _ask(real, asked)) as target:
        zone.target = target._replace(answer_timeout=5)
        yield


def _ask(target: Target, asked: bytes) -> bytes:
    with socket.create_connection((target.address, target.port), timeout=10) as connection:
        connection.sendall(struct.pack("!H", len(asked)) + asked)
        with connection.makefile("rb") as stream:
            return stream.read(int.from_bytes(stream.read(2)))


def _is_empty(update: bytes) -> bool:
    message = dns.message.from_wire(update, keyring=False)
    return not message.answer and not message.authority


@pytest.mark.parametrize(
    "answer",
    [lambda _: None, _forged, lambda asked: _forged(asked)[:11]],
    ids=["none", "unsigned", "nonsense"],
)
def test_an_update_without_a_trusted_answer_may_have_been_carried_out(
    zone: ZoneUnderTest, infrastructure: Stack, answer: Answerer
) -> None:
    many = [zone.change("create", "a", "A", f"192.0.2.{number}") for number in range(MAX_GROUP)]
    with updates_answered(zone, infrastructure, answer):
        said = zone.apply(
            *many,
            zone.change("create", "a", "A", "192.0.2.222"),  # waits for the others, never sent
            zone.change("create", "b", "A", "nonsense"),
        )
    assert said[: len(many)] == [failed("no_answer")] * len(many)
    assert said[len(many) :] == [failed("server_unreachable"), failed("invalid_change")]
    assert "nobody knows" in zone.message(many[0])


def test_each_update_is_told_when_it_is_answered(
    zone: ZoneUnderTest, infrastructure: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not when all are: of a run that is killed nothing comes behind that."""
    reader, writer = os.pipe()
    monkeypatch.setenv("DNS_EVENTS_FD", str(writer))
    assert zone.do("create", "a", "A", "192.0.2.1") == APPLIED
    with updates_answered(zone, infrastructure, lambda _: None):
        assert zone.do("create", "b", "A", "192.0.2.1") == failed("no_answer")
    events = [json.loads(line) for line in os.read(reader, 65_536).splitlines()]
    assert [(each["event"], each["rcode"]) for each in events] == [("update", "NOERROR"), ("update", "none")]
    os.close(reader)
    zone.target = ZoneUnderTest(infrastructure, zone.name).target
    assert zone.do("create", "c", "A", "192.0.2.1") == APPLIED  # though nobody listens any more
    os.close(writer)


@pytest.mark.parametrize(
    ("rcode", "code"),
    [
        (Rcode.REFUSED, "zone_refuses_updates"),
        (Rcode.NOTAUTH, "zone_refuses_updates"),
        (Rcode.NOTIMP, "zone_refuses_updates"),
        (Rcode.SERVFAIL, "zone_failed"),
    ],
)
def test_a_zone_that_takes_no_update_is_not_the_fault_of_changes(
    zone: ZoneUnderTest, infrastructure: Stack, rcode: Rcode, code: str
) -> None:
    changes = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(100)]
    changes += [zone.change("upsert", f"u{number}", "A", "192.0.2.1") for number in range(100)]
    with updates_answered(zone, infrastructure, lambda asked: _forged(asked, rcode)):
        zone.key = None
        assert zone.apply(*changes) == [failed(code)] * 200
    assert zone.outcomes.messages == 2


def test_a_server_that_fails_at_whatever_changes_something(
    zone: ZoneUnderTest, infrastructure: Stack
) -> None:
    changes = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(500)]
    fail = lambda asked: _forged(asked, Rcode.NOERROR if _is_empty(asked) else Rcode.SERVFAIL)  # noqa: E731
    with updates_answered(zone, infrastructure, fail):
        zone.key = None
        assert zone.apply(*changes) == [failed("zone_failed")] * 500
        assert zone.outcomes.messages < 50
        assert zone.apply(changes[0]) == [failed("server_failed")]
    assert "max-records-per-type" in zone.message(changes[0])


def test_a_zone_that_is_frozen_in_the_middle_of_a_batch(zone: ZoneUnderTest, infrastructure: Stack) -> None:
    real = zone.target
    empty: list[bytes] = []

    def freeze_later(asked: bytes) -> bytes:
        """Refuse one change at first, and all once an empty update was let pass."""
        if _is_empty(asked) and not empty:
            empty.append(asked)
            return _ask(real, asked)
        return _forged(asked, Rcode.REFUSED)

    changes = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(16)]
    with updates_answered(zone, infrastructure, freeze_later):
        assert zone.apply(*changes) == [failed("zone_refuses_updates")] * 16


# --- others who are faster: between the query and the update


@pytest.fixture
def meanwhile(zone: ZoneUnderTest, infrastructure: Stack) -> Iterator["Meanwhile"]:
    somebody_else = Meanwhile(ZoneUnderTest(infrastructure, zone.name))
    with server(somebody_else.pass_on) as target:
        zone.target = zone.target._replace(address=target.address, port=target.port)
        yield somebody_else


class Meanwhile:
    """A way to the server on which somebody else changes the zone, each time after a query was answered.

    The signatures of the messages that pass it stay valid: they do not cover addresses.
    """

    def __init__(self, other: ZoneUnderTest) -> None:
        self.other = other
        self.deeds: list[tuple[str, ...]] = []
        self._queried = False

    def pass_on(self, asked: bytes) -> bytes:
        if _opcode(asked) == dns.opcode.QUERY:
            self._queried = True
        elif self._queried and self.deeds:
            self._queried = False
            action, owner, rdtype, *rdata = self.deeds.pop(0)
            assert self.other.do(action, owner, rdtype, *rdata) == APPLIED
        return _ask(self.other.target, asked)


def test_a_cname_that_appears_meanwhile(zone: ZoneUnderTest, meanwhile: Meanwhile) -> None:
    meanwhile.deeds = [("create", "www", "CNAME", "x.example.org.")]
    assert zone.do("upsert", "www", "A", "192.0.2.1") == failed("cname_conflict")
    assert zone.values("www", "CNAME") == {"x.example.org."}


def test_data_that_appears_where_a_cname_was_to_go(zone: ZoneUnderTest, meanwhile: Meanwhile) -> None:
    meanwhile.deeds = [("create", "www", "A", "192.0.2.1")]
    assert zone.do("upsert", "www", "CNAME", "x.example.org.") == failed("cname_conflict")
    assert zone.values("www", "A") == {"192.0.2.1"}


def test_an_rrset_that_vanishes_meanwhile(zone: ZoneUnderTest, meanwhile: Meanwhile) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    meanwhile.deeds = [("delete", "www", "A")]
    assert zone.do("update", "www", "A", "192.0.2.2") == failed("rrset_missing")


def test_a_value_that_is_added_while_the_ttl_changes_is_kept(
    zone: ZoneUnderTest, meanwhile: Meanwhile
) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    meanwhile.deeds = [("create", "www", "A", "192.0.2.7")]
    assert zone.do("create", "www", "A", "192.0.2.2", ttl=60) == APPLIED
    assert zone.answer("www", "A") == (60, {"192.0.2.1", "192.0.2.2", "192.0.2.7"})


def test_what_was_unchanged_a_moment_ago_is_made_so_again(zone: ZoneUnderTest, meanwhile: Meanwhile) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    meanwhile.deeds = [("upsert", "www", "A", "192.0.2.7")]
    assert zone.do("upsert", "www", "A", "192.0.2.1") == APPLIED
    assert zone.values("www", "A") == {"192.0.2.1"}
    assert zone.do("upsert", "www", "A", "192.0.2.1") == UNCHANGED


def test_the_other_apex_name_server_goes_meanwhile(zone: ZoneUnderTest, meanwhile: Meanwhile) -> None:
    zone.do("upsert", "@", "NS", "ns7.example.org.", "ns8.example.org.")
    meanwhile.deeds = [("delete", "@", "NS", "ns8.example.org.")]
    assert zone.do("delete", "@", "NS", "ns7.example.org.") == failed("apex_ns_last")
    assert zone.values("@", "NS") == {"ns7.example.org."}


def test_a_value_that_is_added_beside_more_than_a_message_compares(
    zone: ZoneUnderTest, meanwhile: Meanwhile
) -> None:
    """The zone's SOA tells that something has changed since the values were read."""
    large, larger = (" ".join([f'"{each * 250}"'] * 140) for each in "ab")
    zone.do("create", "www", "TXT", large)
    meanwhile.deeds = [("create", "elsewhere", "A", "192.0.2.1")]
    expect = {"expect": {"ttl": 300, "rdata": [large]}}
    wanted = zone.change("upsert", "www", "TXT", larger) | expect
    assert zone.apply(wanted) == [APPLIED]
    assert zone.values("www", "TXT") == {larger}
    meanwhile.deeds = [("create", "www", "TXT", '"meanwhile"')]
    back = zone.change("upsert", "www", "TXT", large) | {"expect": {"ttl": 300, "rdata": [larger]}}
    assert zone.apply(back) == [failed("state_changed")]
    assert zone.values("www", "TXT") == {larger, '"meanwhile"'}


def test_somebody_who_never_stops(zone: ZoneUnderTest, meanwhile: Meanwhile) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    meanwhile.deeds = [("create", "www", "A", f"192.0.2.{number}") for number in range(10, 20)]
    hopeless = zone.change("create", "www", "A", "192.0.2.2", ttl=60)
    said = zone.apply(hopeless, zone.change("create", "other", "A", "192.0.2.2"))
    assert said == [failed("changed_meanwhile"), APPLIED]
    assert "somebody else changed" in zone.message(hopeless)


def test_a_server_that_judges_by_other_records_than_it_shows(
    zone: ZoneUnderTest, infrastructure: Stack
) -> None:
    there = zone.change("upsert", "www", "A", "192.0.2.1")
    with updates_answered(zone, infrastructure, lambda asked: _forged(asked, Rcode.NXRRSET)):
        assert zone.apply(there) == [failed("changed_meanwhile")]
    assert "somebody else" not in zone.message(there)
    assert "passes updates on" in zone.message(there)

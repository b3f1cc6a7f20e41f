"""Zone transfers from real servers, and from servers that do not keep to the rules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig
import pytest

from app.domain.server import Server
from app.domain.zone_record import ZoneRecord
from app.nameservers.key_file import read_key
from app.nameservers.transfer import Delta, Kind, Limits, TransferFailed, transfer
from stack.embedded import Stack
from stack.nameserver import create_key, empty_zone
from tests.support.name_servers import Connection, Script, close_at_once, fail_always, serving
from tests.support.views import VIEWS, bind_with_views
from tests.support.views import ZONE as SPLIT
from tests.support.zones import ApiZoneUnderTest, ZoneUnderTest
from tests.unit.domain.rdata.cases import cases
from tests.unit.domain.rdata.tables import TABLES

LIMITS = Limits(idle=10, seconds=60, octets=100_000_000)
SERVERS = ("bind", "knot", "powerdns")
STRANGE = ("a\\032b\\046c", "*.w", "_x._tcp", "\\200\\001", "0/25", "UPPER")


class Place:
    """A zone on one of the servers, and how to ask that."""

    def __init__(self, stack: Stack, name: str, server: str) -> None:
        self.zone = (
            ApiZoneUnderTest(stack, name) if server == "powerdns" else ZoneUnderTest(stack, name, server)
        )
        self.server = Server(self.zone.target.address, self.zone.target.port, stack.key_file(server))
        self.ns = ZoneRecord(name, "NS", 300, "ns1.example.test.")

    def at(self, owner: str, rdtype: str, rdata: str, ttl: int = 300) -> ZoneRecord:
        return ZoneRecord(self.zone.full(owner), rdtype, ttl, rdata)

    def read(self, **more: Any) -> tuple[Kind, int, list[ZoneRecord]]:
        with transfer(self.server, self.zone.name, LIMITS, **more) as found:
            return found.kind, found.soa.serial, list(found.records())

    def changes(self, since: int) -> tuple[Kind, int, list[Delta]]:
        with transfer(self.server, self.zone.name, LIMITS, since) as found:
            return found.kind, found.soa.serial, list(found.deltas())


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest, new_zone: str) -> Place:
    if request.param == "bind":
        return Place(request.getfixturevalue("infrastructure"), new_zone, "bind")
    stack: Stack = request.getfixturevalue("more_name_servers")
    stack.add_zone(new_zone, request.param)
    return Place(stack, new_zone, request.param)


@pytest.fixture
def bind(infrastructure: Stack, new_zone: str) -> Place:
    return Place(infrastructure, new_zone, "bind")


def test_the_whole_zone(place: Place) -> None:
    kept = [
        place.at("www", "A", "192.0.2.1"),
        place.at("www", "A", "192.0.2.2"),
        place.at("t", "TXT", '"a"', 60),
    ]
    for record in kept:
        place.zone.do(
            "create",
            record.name.removesuffix(f".{place.zone.name}"),
            record.type,
            record.rdata,
            ttl=record.ttl,
        )
    kind, serial, records = place.read()
    assert (kind, serial > 0, sorted(records)) == (Kind.WHOLE, True, sorted([place.ns, *kept]))


def test_values_of_every_type_are_in_the_form_of_requests(bind: Place) -> None:
    good = [case for table in TABLES for case in cases(table.GOOD)]
    sent = [bind.at(f"n{number}", case.type, case.expected) for number, case in enumerate(good)]
    sent += [bind.at(owner, "A", "192.0.2.9") for owner in STRANGE]
    suffix = f".{bind.zone.name}"
    outcomes = bind.zone.apply(
        *(bind.zone.change("create", each.name.removesuffix(suffix), each.type, each.rdata) for each in sent)
    )
    taken = [each for each, outcome in zip(sent, outcomes, strict=True) if outcome.outcome == "applied"]
    assert len(taken) > 0.9 * len(sent)
    lower = [each._replace(name=each.name.lower()) for each in taken]
    assert sorted(bind.read()[2]) == sorted([bind.ns, *lower])


def test_what_has_changed_since_a_serial(bind: Place) -> None:
    # Changes that are larger than the zone BIND does not send.
    bind.zone.apply(*(bind.zone.change("create", f"h{n}", "A", "192.0.2.9") for n in range(50)))
    _, first, _ = bind.read()
    bind.zone.do("create", "a", "A", "192.0.2.1")
    bind.zone.do("upsert", "a", "A", "192.0.2.2")
    bind.zone.do("delete", "a", "A")
    kind, serial, deltas = bind.changes(first)
    one, two = bind.at("a", "A", "192.0.2.1"), bind.at("a", "A", "192.0.2.2")
    assert (kind, serial) == (Kind.CHANGES, first + 3)
    assert deltas == [Delta(True, one), Delta(False, one), Delta(True, two), Delta(False, two)]
    assert bind.changes(serial) == (Kind.UNCHANGED, serial, [])
    assert bind.changes(serial + 5) == (Kind.UNCHANGED, serial, [])


def test_a_server_that_does_not_know_what_has_changed_sends_the_whole_zone(place: Place) -> None:
    place.zone.do("create", "a", "A", "192.0.2.1")
    _, serial, _ = place.read()
    kind, found, records = place.read(since=(serial - 2**30) % 2**32)
    assert (kind, found, len(records)) == (Kind.WHOLE, serial, 2)


def test_a_zone_of_many_signed_messages(infrastructure: Stack) -> None:
    name = "large-transfer.test"
    lines = (f'h{n} TXT "{n:0200}"\n' for n in range(3_000))
    path = infrastructure.data("bind") / "zones" / name
    path.write_text(empty_zone(name) + "".join(lines))
    infrastructure.add_zone(name)
    place = Place(infrastructure, name, "bind")
    with transfer(place.server, name, LIMITS) as found:
        records = list(found.records())
        assert 600_000 < found.octets < 1_200_000
    assert sorted(records) == sorted(
        [place.ns, *(place.at(f"h{n}", "TXT", f'"{n:0200}"') for n in range(3_000))]
    )
    with transfer(place.server, name, LIMITS._replace(octets=200_000)) as found:
        assert code(lambda: list(found.records())) == "transfer_too_long"


@pytest.mark.parametrize("view", VIEWS)
def test_the_key_chooses_the_view(view: str, tmp_path: Path) -> None:
    with bind_with_views(tmp_path) as views, transfer(views.signed(view), SPLIT, LIMITS) as found:
        assert ZoneRecord(f"www.{SPLIT}", "A", 300, VIEWS[view]) in list(found.records())
        assert_code("transfer_refused", views.server, SPLIT)


def code(act: Any) -> str:
    with pytest.raises(TransferFailed) as failed:
        act()
    assert failed.value.why
    return failed.value.code


def read_all(server: Server, zone: str, limits: Limits = LIMITS, since: int | None = None) -> list[Any]:
    with transfer(server, zone, limits, since) as found:
        return list(found.records() if found.kind is Kind.WHOLE else found.deltas())


def assert_code(expected: str, server: Server, zone: str = "example.test", limits: Limits = LIMITS) -> None:
    assert code(lambda: read_all(server, zone, limits)) == expected


def test_refusals(bind: Place, tmp_path: Path) -> None:
    create_key(tmp_path / "another.key", "another")
    create_key(tmp_path / "orchestrator.key")  # the right name, another secret
    assert_code("transfer_refused", bind.server._replace(key_file=None), bind.zone.name)
    assert_code("zone_not_loaded", bind.server, "not-here.test")
    for name in ("another", "orchestrator"):
        assert_code("tsig_refused", bind.server._replace(key_file=tmp_path / f"{name}.key"), bind.zone.name)
    assert_code("key_unusable", bind.server._replace(key_file=tmp_path / "none.key"), bind.zone.name)
    assert_code("server_unreachable", Server("127.0.0.1", 1), bind.zone.name)


SOA = "z.test. 60 IN SOA ns.z.test. h.z.test. {} 1 1 1 60"
A = "a.z.test. 60 IN A 192.0.2.1"
META = "a.z.test. 60 IN TYPE{} \\# 0"


def rrset(text: str) -> dns.rrset.RRset:
    name, ttl, rdclass, rdtype, rdata = text.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), rdclass, rdtype, rdata)


def answering(*messages: list[str]) -> Script:
    """A server that sends these records, a message for each list."""

    def script(connection: Connection) -> None:
        for query in connection.queries():
            for texts in messages:
                reply = dns.message.make_response(query)
                reply.flags |= dns.flags.AA
                reply.answer = [rrset(text) for text in texts]
                connection.send(reply)

    return script


RECORD = ZoneRecord("a.z.test", "A", 60, "192.0.2.1")


@pytest.mark.parametrize(
    ("since", "messages", "expected"),
    [
        (None, [[SOA.format(2), A, SOA.format(2)]], [RECORD]),
        (None, [[SOA.format(2)], [A], [SOA.format(2)]], [RECORD]),
        (None, [[SOA.format(2), SOA.format(2)]], []),
        (None, [[SOA.format(2), A, "b.other.test. 60 IN A 192.0.2.1", SOA.format(2)]], [RECORD]),
        (2, [[SOA.format(2)]], []),
        (2**32 - 1, [[SOA.format(0)], [A, SOA.format(0)]], [RECORD]),
        (1, [[SOA.format(2), SOA.format(1)], [A, SOA.format(2)], [SOA.format(2)]], [Delta(False, RECORD)]),
        (1, [[SOA.format(2), SOA.format(1), SOA.format(2), A, SOA.format(2)]], [Delta(True, RECORD)]),
        (
            1,
            [
                [SOA.format(3), SOA.format(1), A, SOA.format(2)],
                [SOA.format(2), SOA.format(3), A, SOA.format(3)],
            ],
            [Delta(False, RECORD), Delta(True, RECORD)],
        ),
        (1, [[SOA.format(2), A, SOA.format(2)]], [RECORD]),
    ],
)
def test_forms_of_replies(since: int | None, messages: list[list[str]], expected: list[Any]) -> None:
    with serving(answering(*messages)) as server:
        assert read_all(server, "z.test", since=since) == expected


@pytest.mark.parametrize(
    ("rcode", "changes"),
    [
        (dns.rcode.NOTIMP, []),
        (dns.rcode.NOERROR, [SOA.format(4), SOA.format(2), A, SOA.format(4), SOA.format(4)]),
    ],
    ids=["it knows none", "since another serial"],
)
def test_a_server_without_these_changes_is_asked_for_the_whole_zone(
    rcode: dns.rcode.Rcode, changes: list[str]
) -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            if query.question[0].rdtype == 251:
                reply = dns.message.make_response(query)
                reply.set_rcode(rcode)
                reply.answer = [rrset(text) for text in changes]
                connection.send(reply)
                return
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            reply.answer = [rrset(SOA.format(2)), rrset(A), rrset(SOA.format(2))]
            connection.send(reply)

    with serving(script) as server:
        assert read_all(server, "z.test", since=1) == [RECORD]


def send_garbage(connection: Connection) -> None:
    for query in connection.queries():
        connection.send_wire(query.id.to_bytes(2) + b"\x84\0\0\0\0\1\0\0\0\0\xc0\x0c")


def send_another_id(connection: Connection) -> None:
    for query in connection.queries():
        query.id ^= 1
        connection.send(dns.message.make_response(query))


def say_nothing(connection: Connection) -> None:
    for _ in connection.queries():
        pass


def stop_in_between(connection: Connection) -> None:
    for query in connection.queries(1):
        reply = dns.message.make_response(query)
        reply.answer = [rrset(SOA.format(2)), rrset(A)]
        connection.send(reply)
        connection.send_octets(b"\0")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (close_at_once, "server_unreachable"),
        (fail_always, "zone_not_loaded"),
        (send_garbage, "transfer_malformed"),
        (send_another_id, "transfer_malformed"),
        (say_nothing, "server_unreachable"),
        (stop_in_between, "server_unreachable"),
        (answering([A, SOA.format(2)]), "transfer_malformed"),
        (answering([SOA.format(2).replace("z.test.", "other.test.")]), "transfer_malformed"),
        (answering([]), "transfer_malformed"),
        *(
            (answering([SOA.format(2), META.format(number), SOA.format(2)]), "transfer_malformed")
            for number in (0, 41, 128, 252, 255)
        ),
    ],
)
def test_bad_servers(script: Script, expected: str) -> None:
    with serving(script) as server:
        assert_code(expected, server, "z.test", Limits(1, 5, 1_000_000))


def test_a_transfer_without_end() -> None:
    def script(connection: Connection) -> None:
        for query in connection.queries():
            for number in range(10**6):
                reply = dns.message.make_response(query)
                reply.answer = [rrset(A)] if number else [rrset(SOA.format(2))]
                connection.send(reply)

    with serving(script) as server:
        assert_code("transfer_too_long", server, "z.test", Limits(1, 0.5, 1_000_000_000))
        assert_code("transfer_too_long", server, "z.test", Limits(1, 60, 10_000))


KEY = dns.tsig.Key("key.", "c2VjcmV0", dns.tsig.HMAC_SHA256)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    (tmp_path / "k.key").write_text('key "key" { algorithm hmac-sha256; secret "c2VjcmV0"; };')
    assert read_key(tmp_path / "k.key") == KEY
    return tmp_path / "k.key"


def signing(numbers: list[int], messages: list[list[str]]) -> Script:
    """A server that signs the messages of these numbers only."""

    def script(connection: Connection) -> None:
        while query := connection.query(KEY):
            for wire in signed(query, numbers, messages):
                connection.send_wire(wire)

    return script


def signed(query: dns.message.Message, numbers: list[int], messages: list[list[str]]) -> Iterator[bytes]:
    context: Any = None
    for number, texts in enumerate(messages):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer = [rrset(text) for text in texts]
        if number in numbers:
            wire = reply.to_wire(multi=True, tsig_ctx=context)
            context = reply.tsig_ctx
        else:
            reply.tsig = None
            wire = reply.to_wire()
            if context is not None:
                context.update(wire)
        yield wire


MESSAGES = [[SOA.format(2)], *([A] for _ in range(120)), [SOA.format(2)]]
LAST = len(MESSAGES) - 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0, 60, LAST], None),
        (list(range(LAST + 1)), None),
        ([0, 100, LAST], None),
        ([0, 101, LAST], "tsig_refused"),  # more than 99 in between
        ([0, 60], "tsig_refused"),  # the last one is not covered
        ([60, LAST], "tsig_refused"),
        ([], "tsig_refused"),
    ],
)
def test_not_each_message_is_signed(key_file: Path, numbers: list[int], expected: str | None) -> None:
    with serving(signing(numbers, MESSAGES)) as server:
        server = server._replace(key_file=key_file)
        if expected:
            assert_code(expected, server, "z.test")
        else:
            assert read_all(server, "z.test") == [RECORD] * 120

"""The resolver asks BIND for RRsets that exist, that do not, and that BIND only synthesizes."""

import re
from collections.abc import Sequence

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.rdata import RecordType, canonical
from app.domain.server import Server
from app.nameservers.resolver import ask, ask_all
from stack.embedded import Stack
from tests.support.zones import APPLIED, ZoneUnderTest

NONE = Answer(ttl=None, rdata=frozenset())


def there(*rdata: str, ttl: int = 300) -> Answer:
    return Answer(ttl=ttl, rdata=frozenset(rdata))


class Zone:
    """One zone on BIND: filled by dynamic updates, asked by the resolver."""

    def __init__(self, infrastructure: Stack, name: str) -> None:
        address, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
        self.server = Server(address, int(port))
        self.name = name
        text = (infrastructure.data("bind") / "orchestrator.key").read_text()
        key_name, algorithm, secret = re.findall(
            r'key "(\S+)".*algorithm (\S+);.*secret "(\S+)"', text, re.S
        )[0]
        self._key = dns.tsig.Key(dns.name.from_text(key_name), secret, algorithm)

    def add(self, *records: str) -> None:
        """Records in the form "owner TTL type rdata", the owner relative to the zone."""
        update = dns.update.UpdateMessage(self.name, keyring=self._key)
        for record in records:
            owner, ttl, record_type, rdata = record.split(" ", 3)
            update.add(owner, int(ttl), record_type, rdata)
        self._send(update)

    def delete(self, owner: str, record_type: str) -> None:
        update = dns.update.UpdateMessage(self.name, keyring=self._key)
        update.delete(owner, record_type)
        self._send(update)

    def ask(self, owner: str, record_type: str, *, doubt: bool = False) -> Answer:
        key = self.key(owner, record_type)
        return ask(self.server, [key], timeout=30, doubt=lambda *_: doubt, zone=self.name)[key]

    def key(self, owner: str, record_type: str) -> RRsetKey:
        return RRsetKey(self.name if owner == "@" else f"{owner}.{self.name}", record_type)

    def _send(self, update: dns.message.Message) -> None:
        reply = dns.query.tcp(update, self.server.address, port=self.server.port, timeout=10)
        assert reply.rcode() == dns.rcode.NOERROR


@pytest.fixture
def zone(infrastructure: Stack, new_zone: str) -> Zone:
    return Zone(infrastructure, new_zone)


@pytest.mark.parametrize(
    ("record_type", "targets"),
    [
        ("A", ["192.0.2.10", "192.0.2.11"]),
        ("AAAA", ["2001:db8::1", "::ffff:192.0.2.1", "2001:db8:0:1:1:1:1:1"]),
        ("CNAME", ["www.example.test"]),
        ("MX", ["mail.example.test", "20 mail.other.test"]),
        ("MX", ["."]),
        ("NS", ["ns1.other.test", "ns2.other.test"]),
        ("PTR", ["host.example.test"]),
        ("SRV", ["10 5 5060 sip.example.test", "0 0 0 ."]),
        ("CAA", ['0 issue "ca.example"', '128 iodef "mailto:security@example.test"']),
        ("TXT", ["v=spf1 -all", 'say "hi"; \\ {{ 7*7 }}', "grün\n", "x" * 700, ""]),
    ],
)
def test_what_was_stored_is_answered_in_canonical_form(
    zone: Zone, record_type: str, targets: Sequence[str]
) -> None:
    values = [canonical(RecordType(record_type), target) for target in targets]
    zone.add(*(f"host 600 {record_type} {value}" for value in values))
    assert zone.ask("host", record_type) == there(*values, ttl=600)


@pytest.mark.parametrize("ttl", [0, 2**31 - 1])
def test_the_ends_of_the_ttl(zone: Zone, ttl: int) -> None:
    zone.add(f"host {ttl} A 192.0.2.1")
    assert zone.ask("host", "A") == there("192.0.2.1", ttl=ttl)


def test_the_case_that_a_server_keeps_does_not_matter(zone: Zone) -> None:
    zone.add("MiXeD 300 MX 10 Mail.Example.TEST.", "MiXeD 300 TXT Kept")
    assert zone.ask("mixed", "MX") == there("10 mail.example.test.")
    assert zone.ask("mixed", "TXT") == there('"Kept"')


def test_what_is_not_there(zone: Zone) -> None:
    zone.add("www 300 A 192.0.2.1", "a.b 300 A 192.0.2.1")
    assert zone.ask("nothing", "A") == NONE
    assert zone.ask("www", "AAAA") == NONE
    assert zone.ask("b", "A") == NONE  # an empty non-terminal


def test_the_target_of_a_cname_is_not_the_name_itself(zone: Zone) -> None:
    zone.add("www 300 A 192.0.2.1", f"alias 300 CNAME www.{zone.name}.")
    assert zone.ask("alias", "A") == NONE
    assert zone.ask("alias", "CNAME") == there(f"www.{zone.name}.")


def test_the_apex(zone: Zone) -> None:
    assert zone.ask("@", "NS") == there("ns1.example.test.")
    assert zone.ask("@", "A") == NONE


def test_a_delegation(zone: Zone) -> None:
    zone.add(
        f"sub 300 NS ns1.sub.{zone.name}.",
        "sub 300 NS ns.other.test.",
        "ns1.sub 300 A 192.0.2.53",
        "www.sub 300 A 192.0.2.80",
    )
    assert zone.ask("sub", "NS") == there(f"ns1.sub.{zone.name}.", "ns.other.test.")
    assert zone.ask("ns1.sub", "A") == there("192.0.2.53")  # glue
    assert zone.ask("ns1.sub", "AAAA") == NONE
    for owner, record_type in (("www.sub", "A"), ("sub", "A"), ("ns1.sub", "TXT")):
        answer = zone.ask(owner, record_type)
        assert answer.hidden == f"it lies at or below the delegation sub.{zone.name}"
        assert answer.error is None


@pytest.mark.parametrize("server", ["bind", "knot", "powerdns"])
def test_a_child_zone_on_the_same_server(
    infrastructure: Stack, more_name_servers: Stack, new_zone: str, server: str
) -> None:
    """What the parent holds below the cut, no server shows: it answers from the child."""
    stack = infrastructure if server == "bind" else more_name_servers
    if server != "bind":
        stack.add_zone(new_zone, server)
    child = f"child.{new_zone}"
    stack.add_zone(child, server)
    parent, below = ZoneUnderTest(stack, new_zone, server), ZoneUnderTest(stack, child, server)
    assert parent.do("create", "child", "NS", "ns.other.test.") == APPLIED
    assert below.do("create", "alias", "CNAME", "www.other.test.") == APPLIED
    keys = [
        RRsetKey(child, "NS"),
        *(RRsetKey(f"{owner}.{child}", "A") for owner in ("www", "alias", "a.b")),
        RRsetKey(f"www.{new_zone}", "A"),
    ]
    address = Server(parent.target.address, parent.target.port)
    answers = ask(address, keys, timeout=30, doubt=lambda *_: True, zone=new_zone)
    reason = f"the server answers from the zone {child} there"
    assert [answer.hidden for answer in answers.values()] == [*[reason] * 4, None]
    answers = ask(address, keys[1:2], timeout=30, doubt=lambda *_: True, zone=child)
    assert list(answers.values()) == [NONE]


def test_what_a_dname_makes_up_is_not_there(zone: Zone) -> None:
    zone.add("old 300 DNAME new.example.test.", f"alias 300 CNAME www.old.{zone.name}.")
    for record_type in ("CNAME", "A"):
        assert zone.ask("www.old", record_type).hidden == f"it lies below the DNAME old.{zone.name}"
    assert zone.ask("old", "A") == NONE
    assert zone.ask("alias", "A") == NONE
    assert zone.ask("alias", "CNAME") == there(f"www.old.{zone.name}.")


def test_a_name_that_the_server_does_not_serve(zone: Zone) -> None:
    key = RRsetKey("www.unserved.invalid", "A")
    assert ask(zone.server, [key], timeout=30)[key].error == "the server answers REFUSED"


def test_a_wildcard_is_answered_as_such(zone: Zone) -> None:
    zone.add("* 300 A 192.0.2.1")
    assert zone.ask("*", "A", doubt=True) == there("192.0.2.1")


def test_what_a_wildcard_makes_up_is_not_there_when_in_doubt(zone: Zone) -> None:
    zone.add("* 300 A 192.0.2.1", "* 300 TXT any")
    for owner in ("www", "a.b", "*.a"):
        assert zone.ask(owner, "A") == there("192.0.2.1")
        assert zone.ask(owner, "A", doubt=True) == NONE


def test_what_is_there_below_a_wildcard_remains_when_in_doubt(zone: Zone) -> None:
    zone.add("* 300 A 192.0.2.1", "www 300 A 192.0.2.1", "sub 300 A 192.0.2.1", "*.sub 300 A 192.0.2.1")
    for owner in ("www", "sub", "*.sub"):
        assert zone.ask(owner, "A", doubt=True) == there("192.0.2.1")


def test_a_name_deleted_below_a_wildcard(zone: Zone) -> None:
    zone.add("* 300 A 192.0.2.1", "www 300 A 192.0.2.2")
    zone.delete("www", "A")
    assert zone.ask("www", "A") == there("192.0.2.1")
    assert zone.ask("www", "A", doubt=True) == NONE


def test_the_longest_name(zone: Zone) -> None:
    room = 253 - len(zone.name) - 1
    owner = ".".join(["a" * 49] * 5)[: room - 2] + "xx"
    zone.add(f"{owner} 300 A 192.0.2.1")
    assert len(zone.key(owner, "A").name) == 253
    assert zone.ask(owner, "A", doubt=True) == there("192.0.2.1")


def test_an_rrset_as_large_as_bind_takes_it(zone: Zone) -> None:
    values = [f"192.0.2.{i}" for i in range(100)]  # max-records-per-type
    zone.add(*(f"many 300 A {value}" for value in values))
    assert zone.ask("many", "A") == there(*values)


def test_thousands_of_names(zone: Zone) -> None:
    for start in range(0, 3_000, 1000):
        zone.add(*(f"h{i} 300 A 10.0.{i // 250}.{i % 250}" for i in range(start, start + 1000)))
    keys = [zone.key(f"h{i}", "A") for i in range(3_000)]
    answers = ask(zone.server, keys, timeout=30)
    assert answers == {key: there(f"10.0.{i // 250}.{i % 250}") for i, key in enumerate(keys)}


def test_the_same_question_twice(zone: Zone) -> None:
    zone.add("www 300 A 192.0.2.1")
    key = zone.key("www", "A")
    assert ask(zone.server, [key, key], timeout=30) == {key: there("192.0.2.1")}


def test_all_servers(zone: Zone) -> None:
    zone.add("www 300 A 192.0.2.1")
    key = zone.key("www", "A")
    assert ask_all([zone.server, zone.server], [key], timeout=30) == {zone.server: {key: there("192.0.2.1")}}

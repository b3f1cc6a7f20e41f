"""Steps into messages, never larger than TCP carries."""

from dataclasses import replace

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.node import (
    NONEXISTENT,
    InUse,
    Node,
    RRset,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.planner import Planner
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.update_message import (
    MAX_STEPS_SIZE,
    Step,
    make_message,
    pack,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.collection import change, values

ZONE = dns.name.from_text("example.test")
PLANNER = Planner(ZONE)
KEY = dns.tsig.Key("a-key-with-a-rather-long-name." * 7 + "test", b"secret" * 8, dns.tsig.HMAC_SHA512)


def step(name: str, action: str = "create", rdtype: str = "A", text: str = "192.0.2.1") -> Step:
    node = NONEXISTENT
    if action == "update":
        node = Node(InUse.YES, RRset(60, frozenset(values("A", "192.0.2.9"))))
    return PLANNER.plan((change(action, name, rdtype, text),), node)


def test_order_is_kept_and_nothing_is_lost() -> None:
    steps = [step(f"h{number}") for number in range(3_000)]
    packets = list(pack(steps))
    assert len(packets) > 1
    assert [each for packet in packets for each in packet] == steps


def test_a_step_that_is_too_large_comes_alone() -> None:
    small, large = step("a"), step("b", rdtype="TXT", text='"' + "x" * 200 + '"')
    assert list(pack([small, large, small], limit=80)) == [[small], [large], [small]]


def test_a_limit_of_changes_in_a_message() -> None:
    steps = [step(f"h{number}") for number in range(5)]
    assert list(pack(steps, max_changes=2)) == [steps[:2], steps[2:4], steps[4:]]


def test_a_thousand_new_records_go_in_one_message() -> None:
    assert len(list(pack(step(f"h{number}") for number in range(1_000)))) == 1


@settings(deadline=None)
@given(
    st.integers(1, 60),
    st.sampled_from(["create", "upsert", "update"]),
    st.sampled_from([("A", "192.0.2.1"), ("TXT", '"' + "t" * 250 + '"'), ("MX", "10 mail.example.org.")]),
)
def test_the_size_of_a_step_is_never_too_small(width: int, action: str, data: tuple[str, str]) -> None:
    if action == "update":
        data = ("A", "192.0.2.1")
    steps = [step(f"{'n' * width}{number}", action, *data) for number in range(50)]
    wire = make_message(ZONE, steps).to_wire(max_size=65535)
    assert len(wire) <= sum(each.size for each in steps) + 12 + len(ZONE.to_wire() or b"") + 4


def test_a_full_message_leaves_room_for_the_largest_signature() -> None:
    steps = [step(f"{'n' * 50}{number}") for number in range(2_000)]
    packet = next(pack(steps))
    assert sum(each.size for each in packet) > MAX_STEPS_SIZE - 300
    message = make_message(ZONE, packet)
    message.use_tsig(KEY)
    assert len(message.to_wire(max_size=65535)) <= 65535


def test_what_is_written_is_read_as_the_same_records() -> None:
    """Also where no name can point to any more, at the apex, and of a zone that is spelled otherwise."""
    there = Node(InUse.YES, RRset(60, frozenset(values("MX", "10 a.example.org.", "20 b.example.org."))))
    shouted = replace(
        change("create", "shouted", "A", "192.0.2.1"), name=dns.name.from_text("H.EXAMPLE.TEST")
    )
    steps = [
        step("@", rdtype="TXT", text='"at the apex"'),
        PLANNER.plan((change("delete", "mx", "MX", "10 a.example.org."),), there),
        PLANNER.plan((change("delete", "mx2", "MX"),), there),
        PLANNER.plan((change("upsert", "mx3.sub", "MX", "30 c.example.org."),), there),
        step("alias", rdtype="CNAME", text="www.example.test."),
        PLANNER.plan((shouted,), NONEXISTENT),
        *(step(f"{'n' * 40}{number}.sub", "upsert") for number in range(200)),
    ]
    message = make_message(ZONE, steps)
    wire = message.to_wire(max_size=65535)
    assert len(wire) > 0x4000
    read = dns.message.from_wire(wire)
    assert isinstance(read, dns.update.UpdateMessage)
    for written, found in ((message.prerequisite, read.prerequisite), (message.update, read.update)):
        assert [str(rrset).lower() for rrset in written] == [str(rrset).lower() for rrset in found]


def test_no_name_above_an_addition_has_a_dname() -> None:
    """RFC 2136 2.4.3: of each name once; a deletion may be below one, to clean up."""
    steps = [step("a.b.c"), step("x.b.c"), step("www"), step("gone.old", "delete")]
    absent = [
        rrset.name.relativize(ZONE).to_text()
        for rrset in make_message(ZONE, steps).prerequisite
        if rrset.rdtype == dns.rdatatype.DNAME
    ]
    assert absent == ["b.c", "c", "@"]


@settings(deadline=None)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=12))
def test_the_size_of_a_step_has_room_for_the_names_above(labels: list[int]) -> None:
    steps = [step(".".join(map(str, [number, *labels]))) for number in range(20)]
    wire = make_message(ZONE, steps).to_wire(max_size=65535)
    assert len(wire) <= sum(each.size for each in steps) + 12 + len(ZONE.to_wire() or b"") + 4 + 12

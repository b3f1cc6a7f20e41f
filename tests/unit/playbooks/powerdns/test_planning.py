"""What is sent to PowerDNS's API for changes of one owner name, given what is there."""

import json
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.api import Refused
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.node import Node, read_nodes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.planner import Planner
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.refusal import explain
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.step import Step, make_body, pack
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.tree import Tree

from tests.support.collection import change

ZONE = dns.name.from_text("example.test")
PLANNER = Planner(ZONE)
TREE = Tree(ZONE, {}, ())  # nothing is above the names, or below them
NAME = dns.name.from_text("www.example.test")


def holds(rdtype: str, *texts: str, ttl: int = 300, name: dns.name.Name = NAME, **more: object) -> Node:
    """A node of one RRset, as the API tells it; a value that begins with "-" is disabled."""
    records = [{"content": text.removeprefix("-"), "disabled": text.startswith("-")} for text in texts]
    rrset = {"name": name.to_text(), "type": rdtype, "ttl": ttl, "records": records, "comments": []}
    return read_nodes([rrset], [name])[name]


def outcomes(step: Step) -> list[str]:
    return [result.code or result.outcome for result in step.results]


def sent(step: Step) -> list[str]:
    """The entries in short: what is removed, or what an RRset becomes."""
    return [_in_short(json.loads(entry)) for entry in step.entries]


def _in_short(entry: dict[str, Any]) -> str:
    if entry["changetype"] == "DELETE":
        return f"no {entry['type']}"
    records = [("-" if record["disabled"] else "") + record["content"] for record in entry["records"]]
    return " ".join([entry["type"], str(entry["ttl"]), *sorted(records)])


@pytest.mark.parametrize(
    ("asked", "before", "outcome", "entries"),
    [
        (change("create", "www", "A", "192.0.2.1"), {}, "applied", ["A 300 192.0.2.1"]),
        (
            change("create", "www", "A", "192.0.2.2", ttl=60),
            holds("A", "192.0.2.1"),
            "applied",
            ["A 60 192.0.2.1 192.0.2.2"],
        ),
        (change("create", "www", "A", "192.0.2.1"), holds("A", "192.0.2.1", "192.0.2.2"), "unchanged", []),
        (change("create", "www", "A", "192.0.2.1"), holds("CNAME", "x.test."), "cname_conflict", []),
        (
            change("create", "www", "A", "192.0.2.1"),
            holds("A", "-192.0.2.1", "-192.0.2.2"),
            "applied",
            ["A 300 -192.0.2.2 192.0.2.1"],
        ),
        (change("update", "www", "A", "192.0.2.1"), {}, "rrset_missing", []),
        (change("update", "www", "A", "192.0.2.1"), holds("A", "-192.0.2.1"), "rrset_missing", []),
        (change("update", "www", "A", "192.0.2.1"), holds("CNAME", "x.test."), "rrset_missing", []),
        (change("update", "www", "A", "192.0.2.3"), holds("A", "192.0.2.1"), "applied", ["A 300 192.0.2.3"]),
        (
            change("update", "www", "A", "192.0.2.1", ttl=60),
            holds("A", "192.0.2.1"),
            "applied",
            ["A 60 192.0.2.1"],
        ),
        (change("upsert", "www", "A", "192.0.2.1"), holds("A", "192.0.2.1"), "unchanged", []),
        (change("upsert", "www", "MX", "10 a.test."), holds("MX", "10 A.Test."), "unchanged", []),
        (
            change("delete", "www", "A", "192.0.2.1"),
            holds("A", "192.0.2.1", "192.0.2.2"),
            "applied",
            ["A 300 192.0.2.2"],
        ),
        (change("delete", "www", "A", "192.0.2.1"), holds("A", "192.0.2.1"), "applied", ["no A"]),
        (
            change("delete", "www", "A", "192.0.2.1"),
            holds("A", "192.0.2.1", "-192.0.2.2"),
            "applied",
            ["A 300 -192.0.2.2"],
        ),
        (change("delete", "www", "A", "192.0.2.9"), holds("A", "192.0.2.1"), "unchanged", []),
        (change("delete", "www", "A"), holds("A", "192.0.2.1", "192.0.2.2"), "applied", ["no A"]),
        (change("delete", "www", "A"), holds("TXT", '"x"'), "unchanged", []),
        (change("create", "www", "CNAME", "x.test."), {}, "applied", ["CNAME 300 x.test."]),
        (change("create", "www", "CNAME", "x.test."), holds("A", "192.0.2.1"), "cname_conflict", []),
        (change("create", "www", "CNAME", "x.test."), holds("LUA", 'A "x"'), "cname_conflict", []),
        (
            change("create", "www", "CNAME", "x.test."),
            holds("A", "-192.0.2.1"),
            "applied",
            ["CNAME 300 x.test."],
        ),
        (change("create", "www", "CNAME", "x.test."), holds("CNAME", "y.test."), "cname_exists", []),
        (
            change("upsert", "www", "CNAME", "x.test."),
            holds("CNAME", "y.test."),
            "applied",
            ["CNAME 300 x.test."],
        ),
        (change("create", "www", "CNAME", "x.test.", "y.test."), {}, "cname_exists", []),
        (change("create", "www", "HTTPS", '1 . alpn="h2,h3"'), {}, "applied", ["HTTPS 300 1 . alpn=h2,h3"]),
        (change("create", "www", "HTTPS", '1 . alpn="h2"'), holds("HTTPS", "1 . alpn=h2"), "unchanged", []),
        (change("upsert", "www", "TXT", *(f'"{n} {"x" * 240}"' for n in range(300))), {}, "too_large", []),
    ],
)
def test_one_change(asked: Change, before: Node, outcome: str, entries: list[str]) -> None:
    step = PLANNER.plan([asked], before, TREE)
    assert outcomes(step) == [outcome]
    assert sent(step) == entries


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (change("create", "@", "CNAME", "x.test."), "cname_conflict"),
        (change("delete", "@", "NS"), "apex_ns_last"),
        (change("delete", "@", "NS", "b.test.", "a.test."), "apex_ns_last"),
        (change("delete", "@", "NS", "b.test."), "applied"),
        (change("delete", "@", "NS", "c.test."), "unchanged"),
        (change("update", "@", "NS", "c.test."), "applied"),
    ],
)
def test_the_apex(asked: Change, outcome: str) -> None:
    assert outcomes(PLANNER.plan([asked], holds("NS", "a.test.", "b.test.", name=ZONE), TREE)) == [outcome]


def test_changes_of_a_name_see_each_other_and_only_their_sum_is_sent() -> None:
    step = PLANNER.plan(
        [
            change("create", "www", "TXT", '"passing"'),
            change("delete", "www", "A"),
            change("create", "www", "CNAME", "x.test."),
            change("delete", "www", "TXT"),
            change("create", "www", "CNAME", "x.test."),
            change("create", "www", "A", "192.0.2.1"),
            change("update", "www", "CNAME", "y.test.", ttl=60),
        ],
        holds("A", "192.0.2.1"),
        TREE,
    )
    said = ["applied", "applied", "cname_conflict", "applied", "applied", "cname_conflict", "applied"]
    assert outcomes(step) == said
    assert sent(step) == ["no A", "CNAME 60 y.test."]  # in this order, or PowerDNS sees a conflict


def test_what_cancels_out_is_not_sent() -> None:
    step = PLANNER.plan([change("create", "www", "A", "192.0.2.1"), change("delete", "www", "A")], {}, TREE)
    assert outcomes(step) == ["applied", "applied"]
    assert step.entries == ()


def test_packets_keep_order_and_limit() -> None:
    steps = [PLANNER.plan([change("create", f"h{n}", "A", "192.0.2.1")], {}, TREE) for n in range(100)]
    packets = list(pack(steps, limit=2_000))
    assert [step for packet in packets for step in packet] == steps
    assert len(packets) > 5
    for packet in packets:
        body = make_body(packet)
        assert len(body) < 2_100
        assert len(json.loads(body)["rrsets"]) == len(packet)
    assert [len(packet) for packet in pack(steps, max_changes=30)] == [30, 30, 30, 10]


def test_what_a_requester_wrote_stays_a_string_in_the_call() -> None:
    evil = r'"\"}]}, {{ 7 * 7 }} \\"'
    step = PLANNER.plan([change("create", "www", "TXT", evil)], {}, TREE)
    (entry,) = json.loads(make_body([step]))["rrsets"]
    assert entry["records"] == [{"content": evil, "disabled": False}]


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (422, "RRset a. IN CNAME: Conflicts with pre-existing RRset", "cname_conflict"),
        (422, "RRset a. IN CNAME has more than one record", "cname_exists"),
        (422, "RRset x. IN A: Name is out of zone", "not_zone"),
        (422, "Name 'a\\032b.' contains unsupported characters", "refused"),
        (400, "Bad Request", "refused"),
        (500, "database is locked", "server_failed"),
        (503, "Service Unavailable", "server_failed"),
    ],
)
def test_refusals_have_the_codes_that_others_have(status: int, reason: str, code: str) -> None:
    assert explain(Refused(status, reason)).code == code

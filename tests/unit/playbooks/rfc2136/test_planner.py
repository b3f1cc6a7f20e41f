"""What is sent for a change, given what is there."""

from collections.abc import Sequence

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.node import (
    NONEXISTENT,
    InUse,
    Node,
    RRset,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.planner import Planner
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.update_message import (
    Step,
    make_message,
)

from tests.support.collection import change, values

ZONE = dns.name.from_text("example.test")
PLANNER = Planner(ZONE)
ELSEWHERE = Node(InUse.UNKNOWN)  # there is something at the name, or below it, but not of this type


def holds(rdtype: str, *texts: str, ttl: int = 300) -> Node:
    return Node(InUse.YES, RRset(ttl, frozenset(values(rdtype, *texts))))


def alias(target: str = "other.example.test.") -> Node:
    return Node(InUse.YES, cname=RRset(300, frozenset(values("CNAME", target))))


def lines(step: Step) -> tuple[list[str], list[str]]:
    """The message's prerequisites and updates as dnspython writes them, of the owner name and without it."""
    message = make_message(ZONE, [step])
    of_owner = [rrset for rrset in message.prerequisite if rrset.name == step.group[0].name]
    sections: Sequence[Sequence[object]] = (of_owner, message.update)
    before, after = ([" ".join(str(rrset).split()[1:]) for rrset in section] for section in sections)
    return before, after


def outcome(step: Step) -> tuple[str, str | None]:
    (result,) = step.results
    return result.outcome, result.code


def done(item: Change, node: Node) -> tuple[tuple[str, str | None], list[str], list[str]]:
    step = PLANNER.plan((item,), node)
    return outcome(step), *lines(step)


APPLIED, UNCHANGED = ("applied", None), ("unchanged", None)


def test_create_of_a_new_rrset_asserts_that_it_is_new() -> None:
    said, before, after = done(change("create", "www", "A", "192.0.2.1"), NONEXISTENT)
    assert said == APPLIED
    assert before == ["NONE A", "NONE CNAME"]
    assert after == ["300 IN A 192.0.2.1"]


def test_create_adds_only_what_is_missing() -> None:
    said, before, after = done(
        change("create", "www", "A", "192.0.2.1", "192.0.2.2"), holds("A", "192.0.2.1")
    )
    assert said == APPLIED
    assert before == ["ANY ANY", "NONE CNAME"]
    assert after == ["300 IN A 192.0.2.2"]


def test_create_of_an_mx_asserts_that_no_null_mx_has_come() -> None:
    said, before, after = done(change("create", "www", "MX", "5 w."), holds("MX", "10 a.", "10 b."))
    assert said == APPLIED
    assert before[0] == "ANY ANY"
    assert sorted(before[1:]) == ["0 IN MX 10 a.", "0 IN MX 10 b.", "NONE CNAME"]
    assert after == ["300 IN MX 5 w."]


def test_create_of_what_is_there_sends_a_check_only() -> None:
    said, before, after = done(
        change("create", "www", "A", "192.0.2.1"), holds("A", "192.0.2.1", "192.0.2.2")
    )
    assert said == UNCHANGED
    assert before[0] == "ANY ANY"
    assert sorted(before[1:]) == ["0 IN A 192.0.2.1", "0 IN A 192.0.2.2"]
    assert after == []


def test_create_with_another_ttl_rewrites_exactly_what_was_seen() -> None:
    said, before, after = done(change("create", "www", "A", "192.0.2.2", ttl=60), holds("A", "192.0.2.1"))
    assert said == APPLIED
    assert before == ["ANY ANY", "0 IN A 192.0.2.1"]
    assert after == ["ANY A", "60 IN A 192.0.2.1", "60 IN A 192.0.2.2"]


def test_merged_creates_take_the_newest_ttl_and_judge_each_in_order() -> None:
    group = (
        change("create", "www", "A", "192.0.2.1"),
        change("create", "www", "A", "192.0.2.1"),
        change("create", "www", "A", "192.0.2.2", ttl=60),
    )
    step = PLANNER.plan(group, NONEXISTENT)
    assert [result.outcome for result in step.results] == ["applied", "unchanged", "applied"]
    assert lines(step)[1] == ["60 IN A 192.0.2.1", "60 IN A 192.0.2.2"]


def test_update_replaces_in_one_message() -> None:
    said, before, after = done(change("update", "www", "A", "192.0.2.2"), holds("A", "192.0.2.1"))
    assert said == APPLIED
    assert before == ["ANY ANY", "ANY A"]
    assert after == ["ANY A", "300 IN A 192.0.2.2"]


@pytest.mark.parametrize("node", [NONEXISTENT, ELSEWHERE, alias()])
def test_update_of_nothing_fails_and_has_that_confirmed(node: Node) -> None:
    assert done(change("update", "www", "A", "192.0.2.2"), node) == (
        ("failed", "rrset_missing"),
        ["NONE A"],
        [],
    )


@pytest.mark.parametrize("action", ["update", "upsert"])
def test_replacing_by_the_same_changes_nothing(action: str) -> None:
    said, before, after = done(change(action, "www", "A", "192.0.2.1"), holds("A", "192.0.2.1"))
    assert said == UNCHANGED
    assert before == ["ANY ANY", "0 IN A 192.0.2.1"]
    assert after == []


def test_upsert_of_a_new_rrset() -> None:
    said, before, after = done(change("upsert", "www", "A", "192.0.2.1"), ELSEWHERE)
    assert said == APPLIED
    assert before == ["NONE A", "NONE CNAME"]
    assert after == ["ANY A", "300 IN A 192.0.2.1"]


@pytest.mark.parametrize("action", ["create", "upsert"])
def test_nothing_goes_beside_a_cname(action: str) -> None:
    said, before, after = done(change(action, "www", "TXT", '"x"'), alias())
    assert said == ("failed", "cname_conflict")
    assert before == ["ANY ANY", "ANY CNAME"]
    assert after == []


@pytest.mark.parametrize("action", ["create", "upsert"])
def test_a_cname_goes_where_nothing_is(action: str) -> None:
    for node in (NONEXISTENT, ELSEWHERE):  # the server knows what an answer does not tell
        said, before, after = done(change(action, "www", "CNAME", "other.example.test."), node)
        assert said == APPLIED
        assert before == ["NONE ANY"]
        assert after[-1] == "300 IN CNAME other.example.test."


def test_a_cname_does_not_go_beside_other_data() -> None:
    said, before, after = done(change("create", "www", "CNAME", "other.example.test."), Node(InUse.YES))
    assert said == ("failed", "cname_conflict")
    assert before == ["ANY ANY", "NONE CNAME"]
    assert after == []


def test_a_second_cname_fails_and_upsert_replaces_it() -> None:
    there = holds("CNAME", "other.example.test.")
    said, before, _ = done(change("create", "www", "CNAME", "third.example.test."), there)
    assert said == ("failed", "cname_exists")
    assert before == ["ANY ANY", "0 IN CNAME other.example.test."]
    said, before, after = done(change("upsert", "www", "CNAME", "third.example.test."), there)
    assert said == APPLIED
    assert before == ["ANY ANY", "ANY CNAME"]
    assert after == ["ANY CNAME", "300 IN CNAME third.example.test."]


def test_two_cnames_at_once_fail() -> None:
    said, _, after = done(change("upsert", "www", "CNAME", "a.example.test.", "b.example.test."), NONEXISTENT)
    assert (said, after) == (("failed", "cname_exists"), [])


@pytest.mark.parametrize("action", ["create", "upsert"])
def test_no_cname_at_the_apex(action: str) -> None:
    said, before, after = done(change(action, "@", "CNAME", "a.example.test."), ELSEWHERE)
    assert (said, before, after) == (("failed", "cname_conflict"), [], [])


def test_delete_of_values_and_of_the_whole() -> None:
    there = holds("A", "192.0.2.1", "192.0.2.2")
    assert done(change("delete", "www", "A", "192.0.2.1", "192.0.2.7"), there) == (
        APPLIED,
        ["ANY ANY"],
        ["0 NONE A 192.0.2.1"],
    )
    assert done(change("delete", "www", "A"), there) == (APPLIED, ["ANY ANY"], ["ANY A"])


@pytest.mark.parametrize("texts", [(), ("192.0.2.1",)])
def test_delete_of_nothing(texts: tuple[str, ...]) -> None:
    assert done(change("delete", "www", "A", *texts), NONEXISTENT) == (UNCHANGED, ["NONE A"], [])


def test_apex_name_servers_are_replaced_new_ones_first() -> None:
    there = holds("NS", "ns1.example.test.", "ns2.example.test.")
    item = change("upsert", "@", "NS", "ns2.example.test.", "ns3.example.test.")
    said, before, after = done(item, there)
    assert said == APPLIED
    assert sorted(before[1:]) == ["0 IN NS ns1.example.test.", "0 IN NS ns2.example.test."]
    assert after == [
        "300 IN NS ns2.example.test.",
        "300 IN NS ns3.example.test.",
        "0 NONE NS ns1.example.test.",
    ]


@pytest.mark.parametrize("texts", [(), ("ns1.example.test.", "ns2.example.test.")])
def test_the_last_apex_name_server_stays(texts: tuple[str, ...]) -> None:
    there = holds("NS", "ns1.example.test.", "ns2.example.test.")
    said, _, after = done(change("delete", "@", "NS", *texts), there)
    assert (said, after) == (("failed", "apex_ns_last"), [])


def test_one_of_two_apex_name_servers_goes_if_both_are_still_there() -> None:
    there = holds("NS", "ns1.example.test.", "ns2.example.test.")
    said, before, after = done(change("delete", "@", "NS", "ns1.example.test."), there)
    assert said == APPLIED
    assert len(before) == 3
    assert after == ["0 NONE NS ns1.example.test."]


def test_below_a_delegation_what_is_not_seen_may_be_there() -> None:
    occluded = Node(InUse.UNKNOWN, occluded=True)
    assert done(change("create", "www", "A", "192.0.2.1"), occluded)[1:] == (
        ["NONE CNAME"],
        ["300 IN A 192.0.2.1"],
    )
    assert done(change("delete", "www", "A"), occluded) == (APPLIED, [], ["ANY A"])
    assert done(change("update", "www", "A", "192.0.2.1"), occluded)[1] == ["ANY ANY", "ANY A"]

"""What is sent for several changes of one owner name."""

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.name_planner import (
    NOTHING,
    NamePlanner,
    NameState,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.node import RRset
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.update_message import (
    Step,
    make_message,
)
from dns import rdatatype

from tests.support.collection import change, values

ZONE = dns.name.from_text("example.test")


def holds(**rrsets: tuple[str, ...]) -> NameState:
    return NameState(
        {
            rdatatype.from_text(rdtype): RRset(300, frozenset(values(rdtype, *texts)))
            for rdtype, texts in rrsets.items()
        }
    )


def plan(before: NameState, *changes: Change) -> tuple[list[str | None], list[str], list[str]]:
    """The codes or outcomes, the prerequisites, and the updates, without the owner name."""
    step = NamePlanner(ZONE).plan(changes, before)
    return [result.code or result.outcome for result in step.results], *lines(step)


def lines(step: Step) -> tuple[list[str], list[str]]:
    message = make_message(ZONE, [step])
    of_owner = [rrset for rrset in message.prerequisite if rrset.name == step.group[0].name]
    before, after = (
        [" ".join(line.split()[1:]) for rrset in section for line in str(rrset).splitlines()]
        for section in (of_owner, message.update)
    )
    return before, after


def test_an_alias_takes_the_place_of_an_address_if_nothing_else_is_there() -> None:
    said, before, after = plan(
        holds(A=("192.0.2.1",)), change("delete", "www", "A"), change("create", "www", "CNAME", "a.example.")
    )
    assert said == ["applied", "applied"]
    assert before[:3] == ["ANY ANY", "0 IN A 192.0.2.1", "NONE CNAME"]
    assert {"NONE AAAA", "NONE TXT", "NONE HTTPS"} < set(before)
    assert "NONE A" not in before
    assert after == ["ANY A", "300 IN CNAME a.example."]


def test_an_alias_where_nothing_was() -> None:
    said, before, after = plan(
        NOTHING, change("delete", "www", "A"), change("create", "www", "CNAME", "a.example.")
    )
    assert (said, before) == (["unchanged", "applied"], ["NONE ANY"])
    assert after == ["300 IN CNAME a.example."]


def test_what_comes_and_goes_is_not_sent() -> None:
    said, before, after = plan(
        NOTHING, change("create", "www", "A", "192.0.2.1"), change("delete", "www", "A", "192.0.2.1")
    )
    assert (said, before, after) == (["applied", "applied"], ["NONE A", "NONE CNAME"], [])


def test_only_the_difference_is_sent() -> None:
    said, before, after = plan(
        holds(A=("192.0.2.1", "192.0.2.2")),
        change("delete", "www", "A", "192.0.2.1"),
        change("create", "www", "A", "192.0.2.2"),
        change("create", "www", "TXT", '"x"'),
    )
    assert said == ["applied", "unchanged", "applied"]
    assert sorted(before) == ["0 IN A 192.0.2.1", "0 IN A 192.0.2.2", "ANY ANY", "NONE CNAME", "NONE TXT"]
    assert after == ["0 NONE A 192.0.2.1", '300 IN TXT "x"']


def test_each_change_meets_what_those_before_it_leave() -> None:
    said, _, after = plan(
        holds(CNAME=("a.example.",)),
        change("create", "www", "A", "192.0.2.1"),
        change("update", "www", "TXT", '"x"'),
        change("create", "www", "CNAME", "b.example."),
        change("delete", "www", "CNAME"),
        change("create", "www", "A", "192.0.2.1"),
        change("upsert", "www", "CNAME", "b.example."),
    )
    assert said == ["cname_conflict", "rrset_missing", "cname_exists", "applied", "applied", "cname_conflict"]
    assert after == ["ANY CNAME", "300 IN A 192.0.2.1"]


def test_the_last_apex_name_server_stays_in_the_middle_of_others() -> None:
    said, _, after = plan(
        holds(NS=("a.example.", "b.example.")),
        change("delete", "@", "NS", "a.example."),
        change("delete", "@", "NS", "b.example."),
        change("create", "@", "NS", "c.example."),
        change("delete", "@", "NS", "b.example."),
    )
    assert said == ["applied", "apex_ns_last", "applied", "applied"]
    assert after == ["300 IN NS c.example.", "0 NONE NS a.example.", "0 NONE NS b.example."]

"""Which changes share a message, and in which order they go."""

from dataclasses import replace
from itertools import pairwise

import dns.name
import dns.rdata
import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.dependencies import (
    MAX_GROUP,
    Group,
    split_into_stages,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.support.collection import change

NAMES = [dns.name.from_text(f"{label}.example.test") for label in "ab"]


def numbered(*changes: Change) -> list[Change]:
    """The changes, with the request ids 1, 2 and so on."""
    return [replace(each, request_id=str(number)) for number, each in enumerate(changes, 1)]


def ids(*changes: Change) -> list[list[str]]:
    stages = split_into_stages(numbered(*changes))
    return [["".join(each.request_id for each in group) for group in stage] for stage in stages]


def test_different_names_go_together() -> None:
    assert ids(change("delete", "a", "A"), change("upsert", "b", "A")) == [["1", "2"]]


def test_different_types_of_a_name_go_together() -> None:
    batch = change("upsert", "a", "A"), change("upsert", "a", "AAAA"), change("delete", "a", "TXT")
    assert ids(*batch) == [["1", "2", "3"]]


def test_changes_of_one_rrset_go_one_after_the_other() -> None:
    batch = change("create", "a", "A"), change("delete", "a", "A"), change("create", "a", "A")
    assert ids(*batch) == [["1"], ["2"], ["3"]]


def test_creates_on_one_rrset_are_merged() -> None:
    batch = change("create", "a", "A"), change("create", "a", "AAAA"), change("create", "a", "A")
    assert ids(*batch) == [["13", "2"]]


def test_creates_are_not_merged_over_something_else() -> None:
    batch = change("create", "a", "A"), change("create", "a", "CNAME"), change("create", "a", "A")
    assert ids(*batch) == [["1"], ["2"], ["3"]]


def test_cnames_are_not_merged() -> None:
    assert ids(change("create", "a", "CNAME"), change("create", "a", "CNAME")) == [["1"], ["2"]]


def test_a_cname_waits_for_every_type_and_every_type_for_it() -> None:
    batch = (
        change("delete", "a", "A"),
        change("delete", "a", "A"),
        change("delete", "a", "TXT"),
        change("create", "a", "CNAME"),
        change("create", "a", "TXT"),
        change("create", "a", "MX"),
    )
    assert ids(*batch) == [["1", "3"], ["2"], ["4"], ["5", "6"]]


def test_a_merged_step_stays_small() -> None:
    batch = numbered(*(change("create", "a", "A") for _ in range(MAX_GROUP + 1)))
    assert [len(group) for stage in split_into_stages(batch) for group in stage] == [MAX_GROUP, 1]


def _depend(one: Change, other: Change) -> bool:
    cname = dns.rdatatype.CNAME in (one.type, other.type)
    return one.name == other.name and (one.type == other.type or cname)


CHANGES = st.builds(
    Change,
    request_id=st.uuids().map(str),
    action=st.sampled_from(["create", "update", "upsert", "delete"]),
    name=st.sampled_from(NAMES),
    type=st.sampled_from([dns.rdatatype.A, dns.rdatatype.TXT, dns.rdatatype.CNAME]),
    ttl=st.just(300),
    values=st.just(()),
)


@given(st.lists(CHANGES, max_size=30, unique_by=lambda each: each.request_id))
def test_every_change_comes_once_and_dependent_ones_in_order(batch: list[Change]) -> None:
    placed: dict[str, tuple[int, Group]] = {
        each.request_id: (number, group)
        for number, stage in enumerate(split_into_stages(batch))
        for group in stage
        for each in group
    }
    assert placed.keys() == {each.request_id for each in batch}
    for position, later in enumerate(batch):
        for earlier in filter(lambda each: _depend(each, later), batch[:position]):
            (first, group), (second, other) = placed[earlier.request_id], placed[later.request_id]
            assert first < second or (group is other and group.index(earlier) < group.index(later))
    for stage in split_into_stages(batch):
        for one, other in pairwise(stage):
            assert not _depend(one[0], other[0])

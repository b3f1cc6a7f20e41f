"""Which changes share a message, and in which order they go."""

from dataclasses import replace

import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.dependencies import (
    MAX_GROUP,
    Group,
    split_into_stages,
    targets,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.support.collection import change


def numbered(*changes: Change) -> list[Change]:
    """The changes, with the request ids 1, 2 and so on."""
    return [replace(each, request_id=str(number)) for number, each in enumerate(changes, 1)]


def ids(*changes: Change) -> list[list[str]]:
    stages = split_into_stages(numbered(*changes))
    return [["".join(each.request_id for each in group) for group in stage] for stage in stages]


def test_different_names_go_together() -> None:
    assert ids(change("delete", "a", "A"), change("upsert", "b", "A")) == [["1", "2"]]


def test_a_dname_and_what_is_below_it_are_in_different_messages() -> None:
    below, dname = change("delete", "www.old", "A"), change("create", "old", "DNAME", "new.example.")
    assert ids(below, dname, change("create", "new", "A", "192.0.2.1")) == [["1", "3"], ["2"]]
    assert ids(dname, below) == [["1"], ["2"]]
    assert ids(change("create", "a.old", "A", "192.0.2.1"), dname, below) == [["1"], ["2"], ["3"]]
    assert ids(dname, change("create", "old", "A", "192.0.2.1")) == [["12"]]


def test_changes_of_a_name_go_together_in_their_order() -> None:
    batch = (
        change("create", "a", "A"),
        change("upsert", "b", "A"),
        change("delete", "a", "A"),
        change("create", "a", "CNAME"),
        change("create", "a", "TXT"),
    )
    assert ids(*batch) == [["1345", "2"]]


def test_what_points_to_a_name_comes_after_it() -> None:
    batch = (
        change("delete", "m", "CNAME"),
        change("create", "m", "A"),
        change("create", "p", "MX", "10 m.example.test."),
    )
    assert ids(*batch) == [["12", "3"]]


def test_what_is_pointed_to_goes_later() -> None:
    batch = (
        change("create", "m", "A"),
        change("create", "p", "SRV", "1 2 3 m.example.test."),
        change("create", "m", "TXT"),  # which is no address
        change("delete", "m", "A"),
        change("create", "m", "TXT"),
    )
    assert ids(*batch) == [["13", "2"], ["45"]]


def test_a_name_that_points_to_a_later_one_goes_later_itself() -> None:
    batch = (
        change("create", "p", "TXT"),
        change("create", "m", "A"),
        change("create", "p", "MX", "10 m.example.test."),
        change("create", "q", "NS", "p.example.test."),
    )
    assert ids(*batch) == [["1", "2", "4"], ["3"]]


def test_names_that_point_to_each_other() -> None:
    batch = (
        change("create", "a", "A"),
        change("create", "b", "MX", "10 a.example.test."),
        change("create", "b", "A"),
        change("create", "a", "MX", "10 b.example.test."),
        change("create", "a", "AAAA"),
    )
    assert ids(*batch) == [["1", "23"], ["45"]]


def test_a_step_stays_small() -> None:
    batch = numbered(*(change("create", "a", "A") for _ in range(MAX_GROUP + 1)))
    assert [len(group) for stage in split_into_stages(batch) for group in stage] == [MAX_GROUP, 1]


def _depend(one: Change, other: Change) -> bool:
    return one.name == other.name or _points(one, other) or _points(other, one)


def _points(one: Change, other: Change) -> bool:
    return other.name in targets(one) and other.type in (dns.rdatatype.A, dns.rdatatype.CNAME)


ACTIONS = st.sampled_from(["create", "update", "upsert", "delete"])
OWNERS = st.sampled_from("abc")
CHANGES = st.one_of(
    st.builds(change, ACTIONS, OWNERS, st.sampled_from(["A", "TXT", "CNAME"])),
    st.builds(
        change,
        ACTIONS,
        OWNERS,
        st.just("MX"),
        st.sampled_from([f"10 {label}.example.test." for label in "abcd"]),
    ),
)


@given(st.lists(CHANGES, max_size=30))
def test_every_change_comes_once_and_dependent_ones_in_order(changes: list[Change]) -> None:
    batch = numbered(*changes)
    placed: dict[str, tuple[tuple[int, int], Group]] = {
        each.request_id: ((number, place), group)
        for number, stage in enumerate(split_into_stages(batch))
        for place, group in enumerate(stage)
        for each in group
    }
    assert placed.keys() == {each.request_id for each in batch}
    for position, later in enumerate(batch):
        for earlier in filter(lambda each: _depend(each, later), batch[:position]):
            (first, group), (second, other) = placed[earlier.request_id], placed[later.request_id]
            assert first < second or (group is other and group.index(earlier) < group.index(later))
    for stage in split_into_stages(batch):
        assert len({group[0].name for group in stage}) == len(stage)

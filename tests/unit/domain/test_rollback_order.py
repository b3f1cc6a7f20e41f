"""What is restored comes in an order that the rules between RRsets allow, from any zone to any other."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import NOTHING, Action, Change, RRsetKey, RRsetState
from app.domain.consequences import with_consequences
from app.domain.effects import RRset, effects
from app.domain.inverse import Inverse
from app.domain.names import lineage
from app.domain.rollback_order import in_order

ZONE = "example.test"
OWNERS = ["@", "a", "b", "x.a", "y.x.a", "z.b", "ns.b"]
HOSTS = [f"{owner}.{ZONE}." for owner in OWNERS[1:]]
VALUES: Mapping[str, list[str]] = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "TXT": ['"t"', '"u"'],
    "CNAME": ["c.example.org.", "d.example.org."],
    "DNAME": ["e.example.org.", "f.example.org."],
    "NS": [*HOSTS, "ns.example.org."],
    "DS": [f"1 13 2 {'0' * 64}", f"2 13 2 {'0' * 64}"],
    "MX": [*(f"10 {host}" for host in HOSTS), "10 m.example.org."],
}
Zone = dict[RRsetKey, RRsetState]


def full(owner: str) -> str:
    return ZONE if owner == "@" else f"{owner}.{ZONE}"


def above(name: str) -> Iterable[str]:
    return takewhile(lambda parent: parent != "test", lineage(name.partition(".")[2]))


def is_allowed(key: RRsetKey, zone: Zone) -> bool:
    """Whether a zone may have this RRset beside those that it has."""
    types = {other.type for other in zone if other.name == key.name}
    if key.name == ZONE and key.type in ("CNAME", "DS", "NS"):
        return False
    if any(RRsetKey(parent, "DNAME") in zone for parent in above(key.name)):
        return False
    match key.type:
        case "CNAME":
            return not types
        case "DS":
            return "NS" in types
        case "NS":
            return not types & {"CNAME", "DNAME"}
        case "DNAME":
            return not types & {"CNAME", "NS"} and not any(key.name in above(other.name) for other in zone)
    return "CNAME" not in types


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """A zone that keeps the rules; what would break them is left out."""
    found: Zone = {}
    keys = st.builds(RRsetKey, st.sampled_from(list(map(full, OWNERS))), st.sampled_from(list(VALUES)))
    for key in draw(st.lists(keys, unique=True, max_size=16)):
        if is_allowed(key, found):
            found[key] = RRsetState(300, (draw(st.sampled_from(VALUES[key.type])),))
    return found


def inverses(now: Zone, then: Zone) -> dict[RRsetKey, Inverse]:
    return {
        key: Inverse(Action.UPSERT if key in then else Action.DELETE, then.get(key, NOTHING), now[key])
        if key in now
        else Inverse(Action.UPSERT, then[key], NOTHING)
        for key in {**now, **then}
        if now.get(key) != then.get(key)
    }


def changes(found: Mapping[RRsetKey, Inverse]) -> list[Change]:
    return [
        Change(uuid4(), action, ZONE, *key, ttl=state.ttl or 0, rdata=state.rdata, expect=expect)
        for key in in_order(ZONE, found)
        for action, state, expect in [found[key]]
    ]


@given(zones(), zones())
def test_every_step_is_possible_and_the_end_is_the_zone_as_it_was(now: Zone, then: Zone) -> None:
    known = {(ZONE, key): RRset(*state) for key, state in now.items()}
    planned = with_consequences(effects(changes(inverses(now, then)), known), known, {ZONE})
    assert [
        (str(each.change.key), each.planned) for each in planned if each.planned.outcome != "applied"
    ] == []
    after = now | {each.change.key: RRsetState(*each.after or NOTHING) for each in planned}
    assert {key: state for key, state in after.items() if state.rdata} == then


@given(zones(), zones())
def test_each_comes_once_and_after_what_it_needs(now: Zone, then: Zone) -> None:
    found = inverses(now, then)
    order = in_order(ZONE, found)
    assert sorted(order) == sorted(found)
    place = {key: number for number, key in enumerate(order)}
    added = {key for key in found if key in then}
    for key, number in place.items():
        at_cut = {other: place.get(RRsetKey(key.name, other), number) for other in ("NS", "DS")}
        if key.type == "DS":
            assert (at_cut["NS"] <= number) if key in added else (at_cut["NS"] >= number)
        for other, later in place.items():
            if key not in added and other in added and key.name == other.name:
                assert number < later
            if key.type == "MX" and key in added and other in added and other.type == "A":
                assert f"10 {other.name}." not in found[key].restored.rdata or later < number
            if key.type == "NS" and key.name in above(other.name) and (key in added or other not in added):
                assert later < number if key in added else number < later


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        ([], ["c NS", "c DS"], ["c NS", "c DS"]),
        (["c NS", "c DS"], [], ["c DS", "c NS"]),
        (["x.d A"], ["d DNAME"], ["x.d A", "d DNAME"]),
        (["d DNAME"], ["a.d A", "x.d A"], ["d DNAME", "a.d A", "x.d A"]),
        (["a A", "b A"], ["a CNAME", "b CNAME"], ["a A", "a CNAME", "b A", "b CNAME"]),
        ([], ["c NS", "n.c A"], ["n.c A", "c NS"]),
        (["c NS", "n.c A"], [], ["c NS", "n.c A"]),
        (["c DNAME"], ["c NS", "c DS", "n.c A"], ["c DNAME", "n.c A", "c NS", "c DS"]),
    ],
)
def test_examples(now: list[str], then: list[str], expected: list[str]) -> None:
    def zone(listed: Iterable[str]) -> Zone:
        named = [(full(owner), kind) for owner, kind in map(str.split, listed)]
        return {RRsetKey(*each): RRsetState(300, (VALUES[each[1]][0],)) for each in named}

    order = in_order(ZONE, inverses(zone(now), zone(then)))
    assert [f"{key.name.removesuffix(f'.{ZONE}')} {key.type}" for key in order] == expected


def test_long_names_are_no_depth_of_calls() -> None:
    """A delegation below a delegation, as often as a name has labels."""
    names = [ZONE]
    for _ in range(120):
        names.append(f"a.{names[-1]}")
    then = {
        RRsetKey(name, kind): RRsetState(300, (VALUES[kind][-1],))
        for name in names[1:]
        for kind in ("NS", "DS")
    }
    assert len(in_order(ZONE, inverses({}, then))) == len(in_order(ZONE, inverses(then, {}))) == 240

"""Doing and undoing is the state before, and a rollback is the state then; whatever the changes."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import NOTHING, Action, Change, RRsetKey, RRsetState
from app.domain.errors import Reason
from app.domain.expectation import after, is_unexpected
from app.domain.inverse import Done, Inverse, inverse, is_same, net_effects, take_back

VALUES = [f"192.0.2.{number}" for number in range(4)]
NAMES = ["a.example.test", "b.example.test", "example.test"]
ttls = st.sampled_from([0, 60, 300])
some = st.lists(st.sampled_from(VALUES), min_size=1, unique=True).map(lambda found: tuple(sorted(found)))
states = st.just(NOTHING) | st.builds(RRsetState, ttls, some)
keys = st.builds(RRsetKey, st.sampled_from(NAMES), st.just("A"))


def change(action: Action, key: RRsetKey, ttl: int, rdata: tuple[str, ...]) -> Change:
    return Change(uuid4(), action, "example.test", key.name, key.type, ttl, rdata)


changes = st.builds(change, st.sampled_from(Action), keys, ttls, some) | st.builds(
    change, st.just(Action.DELETE), keys, ttls, st.just(())
)


def apply_inverse(found: Inverse, key: RRsetKey, there: RRsetState) -> RRsetState:
    """What a server makes of it: nothing else than what is expected may be there."""
    made = change(found.action, key, found.restored.ttl or 0, found.restored.rdata)
    assert not is_unexpected(made, found.expect, there)
    return after(made, there)


@given(states, changes)
def test_do_and_undo_is_the_state_before(before: RRsetState, do: Change) -> None:
    made = after(do, before)
    match inverse(do.type, before, made):
        case Inverse() as found:
            assert apply_inverse(found, do.key, made) == before
            back = inverse(do.type, made, before)
            assert isinstance(back, Inverse)
            assert apply_inverse(back, do.key, before) == made
        case Reason(code=code):
            assert (code, is_same(do.type, before, made)) == ("unchanged", True)


@given(st.dictionaries(keys, states), st.lists(changes, max_size=12))
def test_a_rollback_is_the_state_then(then: dict[RRsetKey, RRsetState], done: Sequence[Change]) -> None:
    zone = dict(then)
    steps = []
    for each in done:
        before = zone.get(each.key, NOTHING)
        zone[each.key] = after(each, before)
        steps.append(Done(each.key, before, zone[each.key]))
    for key, net in net_effects(steps).items():
        found = take_back(net)
        if isinstance(found, Inverse):
            zone[key] = apply_inverse(found, key, zone[key])
        else:
            assert found.code == "unchanged"
    assert {key: zone.get(key, NOTHING) for key in {*zone, *then}} == {
        key: then.get(key, NOTHING) for key in {*zone, *then}
    }


ONE, TWO, THREE = (RRsetState(300, (value,)) for value in VALUES[:3])
ANY_TTL = RRsetState(None, ONE.rdata)


@pytest.mark.parametrize(
    ("before", "made", "code"),
    [
        (None, ONE, "state_unknown"),
        (ONE, None, "state_unknown"),
        (ANY_TTL, TWO, "state_unknown"),
        (ONE, ONE, "unchanged"),
        (NOTHING, NOTHING, "unchanged"),
        (RRsetState(60, ('"ab"',)), RRsetState(60, ('"a" "b"',)), "unchanged"),
    ],
)
def test_what_has_no_inverse(before: RRsetState | None, made: RRsetState | None, code: str) -> None:
    found = inverse("TXT", before, made)
    assert isinstance(found, Reason)
    assert found.code == code


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([(ONE, TWO), (THREE, ONE)], "changed_outside"),
        ([(ONE, TWO), (None, THREE)], "state_unknown"),
        ([(ONE, None), (TWO, THREE)], "state_unknown"),
        ([(None, TWO), (TWO, THREE)], "state_unknown"),
        ([(ONE, TWO), (TWO, None)], "state_unknown"),
        ([(ONE, TWO), (TWO, ONE)], "unchanged"),
    ],
)
def test_what_no_rollback_takes_back(
    steps: list[tuple[RRsetState | None, RRsetState | None]], code: str
) -> None:
    key = RRsetKey(NAMES[0], "A")
    found = take_back(net_effects(Done(key, *step) for step in steps)[key])
    assert isinstance(found, Reason)
    assert found.code == code

"""Compare and set: whether an RRset is as a change expects it, or as a run that was lost has left it."""

from collections.abc import Callable, Sequence

from .change import Change, State
from .spelling import meaning, spelled_as_there


def holds(expect: State, there: State) -> bool:
    """Whether an RRset is as expected: values by what they mean, the TTL where both are known."""
    if set(map(meaning, expect.values)) != set(map(meaning, there.values)):
        return False
    return not there.values or None in (expect.ttl, there.ttl) or expect.ttl == there.ttl


def made_before(changes: Sequence[Change], there: Callable[[Change], State]) -> frozenset[int]:
    """Return the places of those of a name's changes that are made already, though they expect another state.

    A run sent them of which nobody knows how it ended. `there` returns the RRset that a change is about.
    """
    places: dict[object, list[int]] = {}
    for place, change in enumerate(changes):
        places.setdefault(change.type, []).append(place)
    return frozenset(
        place
        for own in places.values()
        if changes[own[0]].expect is not None
        for place in own[: _count_made([changes[place] for place in own], there(changes[own[0]]))]
    )


def _count_made(changes: Sequence[Change], there: State) -> int:
    """Return how many of the changes lead from what the first one expects to what is there."""
    state = changes[0].expect
    if state is None or holds(state, there):
        return 0
    made = 0
    for number, change in enumerate(changes, 1):
        if change.expect is not None and not holds(change.expect, state):
            break
        state = state_after(change, state)
        if holds(state, there):
            made = number
    return made


def state_after(change: Change, before: State) -> State:
    """Return what a change makes of an RRset."""
    change = spelled_as_there(change, before.values)
    named = frozenset(change.values)
    if change.action == "delete":
        left = frozenset() if change.is_of_whole_rrset else before.values - named
        return State(before.ttl, left)
    return State(change.ttl, named | before.values if change.action == "create" else named)

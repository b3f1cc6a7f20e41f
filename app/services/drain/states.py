"""The RRset before and after each request, as far as it is known, once its fate is decided."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from app.domain.change import Change, RRsetKey, RRsetState
from app.domain.expectation import Answer, after
from app.domain.lifecycle import Status
from app.domain.settlement import Decision, InFlight
from app.store.queue import States

MAX_OCTETS = 16 * 1024 * 1024  # of values in one settlement; the last states may exceed it
_UNKNOWN = States(None, None)
_MAX_COMPUTED = 100  # changes of one RRset whose states are computed where nobody says them


def states_of(
    in_flight: Iterable[InFlight],
    decisions: Mapping[UUID, Decision],
    answered: Mapping[RRsetKey, Answer],
    recorded: Mapping[RRsetKey, RRsetState],
    verifying: Collection[UUID],
) -> dict[UUID, States]:
    """Return what was there before and after those of the requests that have been applied.

    `in_flight` is in the order in which they were applied; those that are `verifying` were before this run.
    Before a request is what the playbook has said, or else, for the first of an RRset, what is `recorded`.
    After it is what the next one has found, and after the last one what the servers answer.
    """
    by_rrset: dict[RRsetKey, list[InFlight]] = {}
    for item in in_flight:
        if decisions[item.change.request_id].applied:
            by_rrset.setdefault(item.change.key, []).append(item)
    states: dict[UUID, States] = {}
    left = MAX_OCTETS
    for key, group in by_rrset.items():
        before = _before_each(group, recorded.get(key), verifying)
        status = decisions[group[-1].change.request_id].status
        answer = None if status is Status.VERIFYING else answered.get(key)
        found = [*before[1:], _after_last(group[-1].change, before[-1], answer)]
        for item, state in zip(group, map(States, before, found), strict=True):
            left -= sum(len(value) for rrset in state if rrset for value in rrset.rdata)
            if left > 0 and state != _UNKNOWN:
                states[item.change.request_id] = state
    return states


def misses_before(in_flight: Iterable[InFlight], decisions: Mapping[UUID, Decision]) -> list[Change]:
    """Return the changes that have been applied and of which nobody says what was there before them."""
    return [
        item.change
        for item in in_flight
        if (item.result is None or item.result.before is None) and decisions[item.change.request_id].applied
    ]


def _before_each(
    group: Sequence[InFlight], recorded: RRsetState | None, verifying: Collection[UUID]
) -> list[RRsetState | None]:
    """Return what was there before each of an RRset's requests: said, recorded, or what the last one made."""
    before = [item.result.before if item.result else None for item in group]
    if None not in before or len(group) > _MAX_COMPUTED:
        return before
    made = recorded
    for place, item in enumerate(group):
        if item.change.request_id in verifying:
            continue
        before[place] = known = before[place] or made
        made = after(item.change, known) if known else None
    return before


def _after_last(change: Change, before: RRsetState | None, answer: Answer | None) -> RRsetState | None:
    if answer is None or answer.error is not None:
        return after(change, before) if before else None
    return RRsetState(answer.ttl if answer.rdata else None, tuple(sorted(answer.rdata)))

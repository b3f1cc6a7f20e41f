"""What takes changes back: the inverse of one, and the net effect of many."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from app.domain import values
from app.domain.change import Action, RRsetKey, RRsetState
from app.domain.errors import Reason
from app.domain.places import DOMAIN


class Inverse(NamedTuple):
    """What restores an RRset: an upsert, or the deletion of an RRset that was not there before.

    `expect` is what must be there for it to be applied.
    """

    action: Action
    restored: RRsetState
    expect: RRsetState


class Done(NamedTuple):
    """What a request has done to an RRset, or may have: the RRset before and after it; None: not known."""

    key: RRsetKey
    before: RRsetState | None
    after: RRsetState | None
    account_id: str = ""
    extra_config: Mapping[str, Any] = {}
    request_id: UUID | None = None


@dataclass(slots=True)
class NetEffect:
    """What several requests for an RRset add up to: it before the first one, and what the last one did."""

    before: RRsetState | None
    last: Done
    request_ids: list[UUID | None]
    interrupted: bool = False  # between two of them it was changed by somebody else

    def add(self, following: Done) -> None:
        """Add the next one."""
        self.request_ids.append(following.request_id)
        left, found = self.last.after, following.before
        if left is None or found is None:
            self.before = None  # nobody knows what lies between them
        elif not is_same(self.last.key.type, left, found):
            self.interrupted = True
        self.last = following


def inverse(record_type: str, before: RRsetState | None, after: RRsetState | None) -> Inverse | Reason:
    """Return what takes a change back that found an RRset and made another one of it, or why nothing can."""
    if before is None or after is None or (before.rdata and before.ttl is None):
        message = "what was there before it, or after it, is not known"
        return Reason(DOMAIN, "state_unknown", message)
    if is_same(record_type, before, after):
        return Reason(DOMAIN, "unchanged", "it has changed nothing")
    action = Action.UPSERT if before.rdata else Action.DELETE
    return Inverse(action, before, after)


def is_same(record_type: str, state: RRsetState, other: RRsetState) -> bool:
    """Whether two states are the same RRset: values by what they mean, the TTL where there are any."""
    return values.same(record_type, state.rdata, other.rdata) and (not state.rdata or state.ttl == other.ttl)


def net_effects(done: Iterable[Done]) -> dict[RRsetKey, NetEffect]:
    """Return what was done to each RRset of a zone, given in the order in which it was done."""
    found: dict[RRsetKey, NetEffect] = {}
    for each in done:
        if each.key in found:
            found[each.key].add(each)
        else:
            found[each.key] = NetEffect(each.before, each, [each.request_id])
    return found


def take_back(net: NetEffect) -> Inverse | Reason:
    """Return what takes everything back that was done to an RRset, or why nothing can."""
    if net.interrupted:
        message = "somebody else has changed it between two requests"
        return Reason(DOMAIN, "changed_outside", message)
    return inverse(net.last.key.type, net.before, net.last.after)

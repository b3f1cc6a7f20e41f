"""What takes changes back: the inverse of one, and the net effect of many."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from app.domain import values
from app.domain.change import Action, RRsetKey, RRsetState
from app.domain.errors import Reason

_DOMAIN = ("resource", "domain")


class Inverse(NamedTuple):
    """What restores an RRset: an upsert, or the deletion of an RRset that was not there before.

    `expect` is what must be there for it to be applied.
    """

    action: Action
    restored: RRsetState
    expect: RRsetState


class Effected(NamedTuple):
    """A change that was applied, or may have been: the RRset before and after it; None: not known."""

    key: RRsetKey
    before: RRsetState | None
    after: RRsetState | None


@dataclass(slots=True)
class NetEffect:
    """What several changes of one RRset add up to: it before the first one and after the last one."""

    before: RRsetState | None
    after: RRsetState | None
    interrupted: bool = False  # between two of them it was changed by somebody else

    def then(self, before: RRsetState | None, after: RRsetState | None) -> None:
        """Add the next change."""
        if self.after is not None and before is not None and not is_same(self.after, before):
            self.interrupted = True
        if self.after is None or before is None:
            self.before = None  # nobody knows what lies between them
        self.after = after


def inverse(before: RRsetState | None, after: RRsetState | None) -> Inverse | Reason:
    """Return what takes a change back that found an RRset and made another one of it, or why nothing can."""
    if before is None or after is None or (before.rdata and before.ttl is None):
        message = "what was there before it, or after it, is not known"
        return Reason(_DOMAIN, "state_unknown", message)
    if is_same(before, after):
        return Reason(_DOMAIN, "unchanged", "it has changed nothing")
    action = Action.UPSERT if before.rdata else Action.DELETE
    return Inverse(action, before, after)


def is_same(state: RRsetState, other: RRsetState) -> bool:
    """Whether two states are the same RRset: values by what they mean, the TTL where there are any."""
    return values.same(state.rdata, other.rdata) and (not state.rdata or state.ttl == other.ttl)


def is_like(there: RRsetState, expected: RRsetState) -> bool:
    """Whether an RRset is as expected: any TTL is, where none is known."""
    return is_same(there, expected._replace(ttl=there.ttl) if expected.ttl is None else expected)


def net_effects(effected: Iterable[Effected]) -> dict[RRsetKey, NetEffect]:
    """Return what these changes of one zone, in the order in which they were applied, add up to."""
    found: dict[RRsetKey, NetEffect] = {}
    for key, before, after in effected:
        if key in found:
            found[key].then(before, after)
        else:
            found[key] = NetEffect(before, after)
    return found


def take_back(net: NetEffect) -> Inverse | Reason:
    """Return what takes several changes of an RRset back, or why nothing can."""
    if net.interrupted:
        message = "somebody else has changed it between two requests"
        return Reason(_DOMAIN, "changed_outside", message)
    return inverse(net.before, net.after)

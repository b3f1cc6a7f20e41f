"""PTR records that are kept with addresses: what a change of addresses asks for, and what is done for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.domain.change import NOTHING, Action, Change, RRsetState
from app.domain.errors import Reason
from app.domain.places import MANAGE_PTR
from app.domain.rdata import RecordType
from app.domain.reverse import Elsewhere, Place

ADDRESS_TYPES = frozenset({RecordType.A, RecordType.AAAA})
MAX_ADDRESSES = 10  # of one request: each becomes a request of its own, for which the backlog has no say
NOT_OURS = "ptr_not_ours"


class Wish(NamedTuple):
    """An address whose PTR is to point to the owner name, or no longer."""

    address: str
    keep: bool


class Standing(NamedTuple):
    """What the last request for a PTR RRset has made of it, or will.

    `target` is where it points to if it is managed: made for an address by this service; else None.
    """

    target: str | None
    ttl: int


class LastPtr(NamedTuple):
    """What the last request that counts has asked of a PTR RRset.

    `target` is where it points to, or did until it was removed; `parent` is the request that has the address.
    Both are None where this service has not made it for an address.
    """

    target: str | None
    ttl: int
    parent: UUID | None
    removed: bool


@dataclass(frozen=True, slots=True)
class PtrChange:
    """A change of one PTR RRset, and what must be there for it to be applied."""

    action: Action
    place: Place
    target: str
    ttl: int
    expect: RRsetState


@dataclass(frozen=True, slots=True)
class PtrStep:
    """What is done for the PTR of an address: a change, if any, and what is known to be in its way."""

    address: str
    change: PtrChange | None = None
    warnings: Sequence[Reason] = ()


def why_no_ptr(record_type: RecordType | None, name: str | None, addresses: int) -> Iterator[Reason]:
    """Yield the reasons why no PTR can be kept with so many records of that type and owner name."""
    if record_type is not None and record_type not in ADDRESS_TYPES:
        message = f"a PTR belongs to an address (A, AAAA); {record_type} records have none"
        yield Reason(MANAGE_PTR, "ptr_without_address", message)
        return
    if name is not None and name.startswith("*."):
        message = f"{name} is a wildcard: a PTR points to one host"
        yield Reason(MANAGE_PTR, "ptr_to_wildcard", message)
    if addresses > MAX_ADDRESSES:
        message = (
            f"PTRs of at most {MAX_ADDRESSES} addresses are kept with one request; there are {addresses}"
        )
        yield Reason(MANAGE_PTR, "ptr_too_many", message)


def may_remove_address(change: Change) -> bool:
    """Whether a change can take an address from its name."""
    return change.type in ADDRESS_TYPES and change.action is not Action.CREATE


def wishes(change: Change, before: RRsetState | None, *, asked: bool = True) -> Iterator[Wish]:
    """Yield what a change of addresses means for their PTRs: first those that go, then those that are kept.

    A PTR goes with its address also where the change has not `asked` for any to be kept. `before` is the
    RRset that it has found; where that is not known (None), only what it names is looked at.
    """
    there = before.rdata if before else ()
    if change.action is Action.DELETE:
        yield from (Wish(address, keep=False) for address in change.rdata or there)
        return
    if change.action is not Action.CREATE:
        yield from (Wish(address, keep=False) for address in there if address not in change.rdata)
    if asked:
        yield from (Wish(address, keep=True) for address in change.rdata)


def step_for(
    wish: Wish, name: str, ttl: int, place: Place | Elsewhere, standing: Mapping[Place, Standing]
) -> PtrStep | None:
    """Return what is done for a wish of the owner name `name`; None where nothing is, and none was expected.

    Only what is `standing` and managed for this name is replaced or removed, also where a later delegation
    hides it. A new PTR expects that there is none, so that the server itself refuses to overwrite what others
    have made.
    """
    if isinstance(place, Elsewhere):
        if wish.keep:
            message = f"no zone that is served here has a place for the PTR of {wish.address}: {place.why}"
            return PtrStep(wish.address, warnings=(Reason(MANAGE_PTR, "ptr_zone_unknown", message),))
        return step_for(wish, name, ttl, place.hidden, standing) if place.hidden else None
    last = standing.get(place)
    if not wish.keep and last is None:
        return None
    target = f"{name}."
    is_own = last is not None and last.target == target
    own = RRsetState(None, (target,))
    against = () if is_own or last is None else (_not_ours(place, name),)
    if wish.keep:
        renewed = is_own and last is not None and last.ttl != ttl
        action, expect = (Action.UPSERT, own) if renewed else (Action.CREATE, NOTHING)
        return PtrStep(wish.address, PtrChange(action, place, target, ttl, expect), against)
    if against:
        return PtrStep(wish.address, warnings=against)
    return PtrStep(wish.address, PtrChange(Action.DELETE, place, target, ttl, own))


def _not_ours(place: Place, name: str) -> Reason:
    return Reason(MANAGE_PTR, NOT_OURS, f"{place.name} PTR was not made for {name}: it stays as it is")


def standing_after(change: PtrChange, last: Standing | None) -> Standing | None:
    """Return what stands once a change is accepted on top of what stood; None: nothing."""
    if change.action is Action.DELETE:
        return None
    if change.action is Action.CREATE and last is not None and last.target != change.target:
        return last  # the server refuses it
    return Standing(change.target, change.ttl)

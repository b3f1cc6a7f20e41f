"""Keep PTR records with addresses: each change of one is a request of its own, in the reverse zone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.change import Change, RRsetState, Via
from app.domain.errors import Reason
from app.domain.permissions import SERVICE
from app.domain.places import MANAGE_PTR
from app.domain.ptr import MAX_ADDRESSES, LastPtr, PtrChange, PtrStep, Wish, wishes
from app.domain.ptr_order import Asked, steps_in_order
from app.domain.rdata import RecordType
from app.domain.reverse import Elsewhere, Place, reverse_name
from app.domain.views import Views
from app.domain.zone_key import view_of
from app.domain.zone_settings import ZoneSettings
from app.schemas.request import Config, Context, Resource, Submission
from app.services.requests.draft import Draft, Refused, ValidChange
from app.services.requests.honours import why_not_honoured
from app.services.requests.place import place_in_zone
from app.services.requests.ptr_places import ReverseName, find_ptr_places, spot_of
from app.services.requests.submission import Accepted, Submitted, reasons_of
from app.services.requests.submit import submit
from app.store import ptr, requests
from app.store.ptr import Asker

_NOBODY = Asker("", Via.API)  # who asks is nothing that a zone's rules are about


@dataclass(frozen=True, slots=True)
class Parent:
    """A change of addresses, and the RRset that it has found (None: not known).

    Where it has not asked for PTRs, those go that were made for addresses which it removes.
    """

    change: Change
    before: RRsetState | None
    account_id: str = ""
    asked: bool = True
    not_before: datetime | None = None  # when it is queued; None: at once


class Restored(NamedTuple):
    """Addresses that an owner name is to have again, and the requests that are taken back for that."""

    zone: str
    name: str
    addresses: Sequence[str]
    taken_back: Collection[UUID | None]


def submit_ptrs(session: Session, parents: Sequence[Parent]) -> set[str]:
    """Submit what requests that succeed mean for the PTRs of their addresses; return the zones to kick.

    The log of each says what is done, and what is not. Call it in the transaction that settles them.
    """
    askers = ptr.askers(session, [parent.change.request_id for parent in parents])
    planned = plan_ptrs(session, parents)
    drafts = [
        _draft(parent, askers[parent.change.request_id], step.address, step.change)
        for parent, step in planned
        if step.change
    ]
    results = submit(session, drafts) if drafts else []
    left = iter(results)
    lines = [_line(step, next(left) if step.change else None) for _, step in planned]
    asked_by = (parent.change.request_id for parent, _ in planned)
    requests.add_log_lines(session, map(requests.NewLine, asked_by, lines, lines))
    return {result.request.zone for result in results if isinstance(result, Accepted)}


def plan_ptrs(session: Session, parents: Sequence[Parent]) -> list[tuple[Parent, PtrStep]]:
    """Return what is done for the PTRs of these changes, in the order in which it is to be submitted.

    `parents` are in the order in which they are applied. What a rule of the reverse zone refuses is not done.
    """
    wished = [
        (by, wish)
        for by, parent in enumerate(parents)
        for wish in wishes(parent.change, parent.before, asked=parent.asked)
    ]
    reverse = [_reverse(wish.address, parents[by].change.zone) for by, wish in wished]
    places, served = find_ptr_places(session, set(reverse))
    asked = [
        _asked(by, wish, parents[by], places[name], served)
        for (by, wish), name in zip(wished, reverse, strict=True)
    ]
    spots = {spot for place in places.values() if (spot := spot_of(place))}
    standing = ptr.standing(session, spots)
    views = Views(served)
    not_honoured = why_not_honoured(session, {spot.zone: {"expect"} for spot in spots})

    def judge(each: Asked, step: PtrStep) -> PtrStep | None:
        parent = parents[each.by]
        if step.change is None:
            return step if parent.asked else None
        placed = place_in_zone(_draft(parent, _NOBODY, step.address, step.change), served, views=views)
        if isinstance(placed, ValidChange) and placed.zone in not_honoured:
            placed = Refused([not_honoured[placed.zone]])
        if isinstance(placed, Refused):
            return PtrStep(step.address, warnings=_of_ptr(placed.reasons))
        return replace(step, warnings=(*step.warnings, *_of_ptr(placed.warnings)))

    return [(parents[each.by], step) for each, step in steps_in_order(asked, standing, judge)]


def _reverse(address: str, zone: str) -> ReverseName:
    """Return what the PTR of an address in that zone is looked up by."""
    return ReverseName(reverse_name(address), view_of(zone))


def _asked(
    by: int, wish: Wish, parent: Parent, place: Place | Elsewhere, served: Mapping[str, ZoneSettings]
) -> Asked:
    spot = spot_of(place)
    ttl = _ttl_within(parent.change.ttl, served.get(spot.zone) if spot else None)
    return Asked(by, wish, parent.change.name, ttl, place, (parent.change.zone, parent.not_before))


def _of_ptr(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return the reasons against a PTR as such of the request that asks for it."""
    return tuple(reason._replace(loc=MANAGE_PTR) for reason in reasons)


def concerned(session: Session, parents: Sequence[Parent]) -> list[Parent]:
    """Return those of the changes that have asked for PTRs, or may remove an address that has one."""
    removing = {
        parent.change.name
        for parent in parents
        if not parent.asked and any(wishes(parent.change, parent.before, asked=False))
    }
    names = {parent.change.name for parent in parents if parent.asked}
    names |= ptr.with_ptrs(session, removing - names) if removing - names else set()
    return [parent for parent in parents if parent.change.name in names]


def keep_ptrs_again(session: Session, restored: Sequence[Restored]) -> list[bool]:
    """Return of each whether its PTRs are to be kept, as they were before what is taken back.

    That is where each address has a PTR, or had one, and some of them were changed by what is taken back.
    """
    names = {_reverse(address, each.zone) for each in restored for address in each.addresses}
    places = find_ptr_places(session, names).places
    own = {name: place for name, place in places.items() if isinstance(place, Place)}
    last = ptr.last_ptrs(session, set(own.values())) if own else {}
    by_name = {name: last[place] for name, place in own.items() if place in last}
    return [_is_kept_again(each, by_name) for each in restored]


def _is_kept_again(restored: Restored, last: Mapping[ReverseName, LastPtr]) -> bool:
    found = [last.get(_reverse(address, restored.zone)) for address in restored.addresses]
    own = [each for each in found if each and each.target == f"{restored.name}."]
    changed = [each.parent in restored.taken_back for each in own]
    if len(own) < len(found) or len(found) > MAX_ADDRESSES or not any(changed):
        return False
    return not any(each.removed and not now for each, now in zip(own, changed, strict=True))


def _ttl_within(ttl: int, settings: ZoneSettings | None) -> int:
    """Return the TTL, or the next one that the zone allows."""
    return min(max(ttl, settings.min_ttl), settings.max_ttl) if settings else ttl


def _draft(parent: Parent, asker: Asker, address: str, change: PtrChange) -> Draft:
    """Return the change as one that a client might have sent, for the account of the parent."""
    context = Context.model_construct(account_id=parent.account_id, source=asker.source)
    resource = Resource.model_construct(
        record_type=RecordType.PTR,
        domain=change.place.name,
        zone=change.place.zone if view_of(change.place.zone) else None,
        target=[change.target],
        comment=f"PTR of {address}",
        config=Config.model_construct(ttl=change.ttl),
    )
    return Draft(
        change.action,
        via=asker.via,
        submission=Submission.model_construct(context=context, resource=resource),
        name=change.place.name,
        record_type=RecordType.PTR,
        rdata=[change.target],
        expect=change.expect,
        caller=SERVICE,  # whoever has asked for the address was asked whether he may
        ptr_of=parent.change.request_id,
    )


def _line(step: PtrStep, result: Submitted | None) -> str:
    """Return the line of the parent's log about the PTR of one address."""
    if isinstance(result, Accepted) and step.change:
        change = step.change
        what = f"{change.action} {change.place.name} PTR {change.target}, request {result.request.id}"
    else:
        reasons = reasons_of(result) if result else step.warnings
        what = "; ".join(f"{reason.code}: {reason.message}" for reason in reasons)
    return f"PTR of {step.address}: {what}"

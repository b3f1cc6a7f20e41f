"""May this caller make this change? Asked for each change that comes by any door, once its zone is known."""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.checks import Checks
from app.domain.errors import Reason
from app.domain.ownership import ZoneRights, decide
from app.domain.permissions import Asked, Caller, Effect, Principal, Right
from app.domain.places import ACCOUNT, DOMAIN
from app.domain.reverse import reverse_name
from app.domain.zone_key import view_of
from app.domain.zone_settings import PLAIN, ZoneSettings
from app.services.requests.owners import Owners
from app.services.requests.ptr_places import ReverseName, find_ptr_places
from app.store import zones
from app.store.models import Request


class NeedsReview(NamedTuple):
    """Why somebody has to approve a change, in which zones, and who asks for it."""

    why: str
    zones: frozenset[str]
    principal: Principal


def merge_needs(needs: Iterable[NeedsReview]) -> NeedsReview:
    """Return what these, one at least, need together: in all of their zones, for the first one's why."""
    first, *others = needs
    return first._replace(zones=first.zones.union(*(each.zones for each in others)))


def judge(
    caller: Caller | None, asked: Asked, rights: ZoneRights, owner: str | None
) -> Reason | NeedsReview | None:
    """Return why the caller may not make the change, or not without an approval; None: he may.

    `owner` is that of the RRset. What nobody has said the caller of is not allowed, unless everything is
    (`AUTH=off`).
    """
    if caller is None:
        words = "nobody has said who asks for this"
        return None if settings().auth == "off" else Reason(DOMAIN, "not_allowed", words)
    if caller.unrestricted:
        return None
    decision = decide(caller, asked, rights, owner)
    match decision.effect:
        case Effect.ALLOW:
            return None
        case Effect.REVIEW:
            return NeedsReview(decision.why, frozenset({asked.zone}), caller.principal)
        case Effect.DENY:
            return Reason(DOMAIN, decision.code, decision.why)


def judge_all(
    caller: Caller | None, asked: Iterable[Asked], zones: Mapping[str, ZoneSettings], owners: Owners | None
) -> Reason | NeedsReview | None:
    """Return why the caller may not make all of these changes, or not without an approval; None: he may.

    Where somebody has to approve one of them, he does so for all.
    """
    reviews: list[NeedsReview] = []
    for each in asked:
        owner = owners.of(each.zone, each.name, each.type) if owners else None
        judged = judge(caller, each, zones[each.zone].rights, owner)
        if isinstance(judged, Reason):
            return judged
        reviews += [judged] if judged else []
    return merge_needs(reviews) if reviews else None


def why_not_account(caller: Caller, account: str) -> Reason | None:
    """Return why the caller may not ask for changes in the account's name; None: he may."""
    if caller.unrestricted or caller.principal.speaks_for(account):
        return None
    own = ", ".join(sorted(caller.principal.accounts)) or "no account"
    return Reason(ACCOUNT, "not_allowed", f"you may not speak for {account}, but for {own}")


def steers_all(caller: Caller, requests: Iterable[Request]) -> bool:
    """Return whether the caller may cancel and retry these requests."""
    return caller.unrestricted or all(caller.principal.steers(each.account_id) for each in requests)


def judge_again(
    session: Session, caller: Caller, requests: Collection[Request]
) -> dict[UUID, Reason | NeedsReview]:
    """Return of each of these why the caller may not have it made after all, or not without an approval.

    Operators may have made again what others have asked for: what their own accounts have is judged as ever.
    """
    if caller.unrestricted:
        return {}
    if caller.principal.has(Right.STEER_MANY):
        requests = [each for each in requests if each.account_id in caller.principal.accounts]
    asked = all_asked(session, requests)
    places = list(chain.from_iterable(asked.values()))
    served = zones.existing(session, {each.zone for each in places})
    owners = Owners(session, {each.name for each in places}, served)
    found = {
        each.id: judge_all(caller, asked[each.id], _or_plain(served, asked[each.id]), owners)
        for each in requests
        if each.zone in served
    }
    return {request_id: judged for request_id, judged in found.items() if judged is not None}


def all_asked(session: Session, requests: Collection[Request]) -> dict[UUID, list[Asked]]:
    """Return what each of these asks for, by its id: its own change first, and then those of its PTRs."""
    addresses = {
        each.id: each.rdata for each in requests if each.resource.get("config", {}).get("manage_ptr")
    }
    reverse = {
        ReverseName(reverse_name(address), view_of(each.zone))
        for each in requests
        for address in addresses.get(each.id, ())
    }
    ptrs = find_ptr_places(session, reverse)
    found: dict[UUID, list[Asked]] = {}
    for each in requests:
        asked = Asked(each.account_id, each.action, each.zone, each.name, each.record_type)
        found[each.id] = [asked, *ptrs.asked_with(asked, addresses.get(each.id, ()))]
    return found


def _or_plain(served: Mapping[str, ZoneSettings], asked: Iterable[Asked]) -> Mapping[str, ZoneSettings]:
    """Return the zones, also those that the simulation makes up for PTRs."""
    return {**{each.zone: PLAIN[Checks.WARN] for each in asked}, **served}


def with_account(body: Any, caller: Caller) -> Any:
    """Return the body of a change with the caller's account, where it names none and the caller has one."""
    account = None if caller.unrestricted else caller.principal.only_account
    if account is None or not isinstance(body, dict):
        return body
    context = body.get("context", {})
    if not isinstance(context, Mapping) or "account_id" in context:
        return body
    return {**body, "context": {"account_id": account, **context}}

"""May this caller make this change? Asked for each change that comes by any door, once its zone is known."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.errors import Reason
from app.domain.ownership import ZoneRights, decide
from app.domain.permissions import Asked, Caller, Effect, Principal, Right
from app.domain.places import ACCOUNT, DOMAIN
from app.services.requests.owners import Owners
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

    Operators may have all made again.
    """
    if caller.unrestricted or caller.principal.has(Right.STEER_MANY):
        return {}
    served = zones.existing(session, {each.zone for each in requests})
    owners = Owners(session, {each.name for each in requests}, served)
    found: dict[UUID, Reason | NeedsReview] = {}
    for each in requests:
        asked = Asked(each.account_id, each.action, each.zone, each.name, each.record_type)
        if each.zone in served:
            owner = owners.of(asked.zone, asked.name, asked.type)
            if judged := judge(caller, asked, served[asked.zone].rights, owner):
                found[each.id] = judged
    return found


def with_account(body: Any, caller: Caller) -> Any:
    """Return the body of a change with the caller's account, where it names none and the caller has one."""
    account = None if caller.unrestricted else caller.principal.only_account
    if account is None or not isinstance(body, dict):
        return body
    context = body.get("context", {})
    if not isinstance(context, Mapping) or "account_id" in context:
        return body
    return {**body, "context": {"account_id": account, **context}}

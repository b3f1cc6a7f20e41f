"""May this caller make this change? Asked for each change that comes by any door, once its zone is known."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.errors import Reason
from app.domain.ownership import ZoneRights, decide
from app.domain.permissions import Asked, Caller, Effect, Right
from app.domain.places import ACCOUNT, DOMAIN
from app.services.requests.owners import Owners
from app.store import zones
from app.store.models import Request


def why_not_allowed(
    caller: Caller | None, asked: Asked, rights: ZoneRights, owner: str | None
) -> Reason | None:
    """Return why the caller may not make the change; None: he may. `owner` is that of the RRset.

    What nobody has said the caller of is not allowed, unless everything is (`AUTH=off`).
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
            return Reason(DOMAIN, "review_required", f"somebody has to approve this: {decision.why}")
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


def why_not_again(session: Session, caller: Caller, requests: Collection[Request]) -> Reason | None:
    """Return why the caller may not have one of these made after all; None: he may, as operators may all."""
    if caller.unrestricted or caller.principal.has(Right.STEER_MANY):
        return None
    served = zones.existing(session, {each.zone for each in requests})
    owners = Owners(session, {each.name for each in requests}, served)
    for each in requests:
        asked = Asked(each.account_id, each.action, each.zone, each.name, each.record_type)
        owner = owners.of(asked.zone, asked.name, asked.type)
        if reason := why_not_allowed(caller, asked, served[asked.zone].rights, owner):
            return reason
    return None


def with_account(body: Any, caller: Caller) -> Any:
    """Return the body of a change with the caller's account, where it names none and the caller has one."""
    account = None if caller.unrestricted else caller.principal.only_account
    if account is None or not isinstance(body, dict):
        return body
    context = body.get("context", {})
    if not isinstance(context, Mapping) or "account_id" in context:
        return body
    return {**body, "context": {"account_id": account, **context}}

"""May this caller make this change? Asked for each change that comes by any door, once its zone is known."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.core.config import settings
from app.domain.errors import Reason
from app.domain.permissions import Asked, Caller, Effect, Right
from app.domain.places import ACCOUNT, DOMAIN
from app.store.models import Request


def why_not_allowed(caller: Caller | None, asked: Asked) -> Reason | None:
    """Return why the caller may not make the change; None: he may.

    What nobody has said the caller of is not allowed, unless everything is (`AUTH=off`).
    """
    if caller is None:
        words = "nobody has said who asks for this"
        return None if settings().auth == "off" else Reason(DOMAIN, "not_allowed", words)
    if caller.unrestricted:
        return None
    decision = caller.decide(asked)
    match decision.effect:
        case Effect.ALLOW:
            return None
        case Effect.REVIEW:
            return Reason(DOMAIN, "review_required", f"somebody has to approve this: {decision.why}")
        case Effect.DENY:
            return Reason(DOMAIN, "not_allowed", decision.why)


def why_not_account(caller: Caller, account: str) -> Reason | None:
    """Return why the caller may not ask for changes in the account's name; None: he may."""
    if caller.unrestricted or caller.principal.speaks_for(account):
        return None
    own = ", ".join(sorted(caller.principal.accounts)) or "no account"
    return Reason(ACCOUNT, "not_allowed", f"you may not speak for {account}, but for {own}")


def steers_all(caller: Caller, requests: Iterable[Request]) -> bool:
    """Return whether the caller may cancel and retry these requests."""
    return caller.unrestricted or all(caller.principal.steers(each.account_id) for each in requests)


def why_not_again(caller: Caller, requests: Iterable[Request]) -> Reason | None:
    """Return why the caller may not have one of these made after all; None: he may, as operators may all."""
    if caller.unrestricted or caller.principal.has(Right.STEER_MANY):
        return None
    asked = (Asked(each.account_id, each.action, each.zone, each.name, each.record_type) for each in requests)
    return next(filter(None, (why_not_allowed(caller, each) for each in asked)), None)


def with_account(body: Any, caller: Caller) -> Any:
    """Return the body of a change with the caller's account, where it names none and the caller has one."""
    account = None if caller.unrestricted else caller.principal.only_account
    if account is None or not isinstance(body, dict):
        return body
    context = body.get("context", {})
    if not isinstance(context, Mapping) or "account_id" in context:
        return body
    return {**body, "context": {"account_id": account, **context}}

"""Whose requests and records a caller may list."""

from app.domain.errors import InvalidFilter, NotAllowed, Reason
from app.domain.permissions import Principal, Right

_PARAMETER = "account_id"


def account_to_list(principal: Principal, wanted: str | None) -> str | None:
    """Return the account whose requests or records are listed; None: everybody's.

    Raises InvalidFilter where the principal has to choose, NotAllowed where the account is not his.
    """
    if principal.has(Right.READ_ALL):
        return wanted
    account = wanted or principal.only_account
    if account is None:
        own = ", ".join(sorted(principal.accounts)) or "none"
        raise InvalidFilter(_PARAMETER, "missing", f"say whose: one of your accounts, {own}")
    if not principal.reads(account):
        raise NotAllowed(Reason((_PARAMETER,), "not_allowed", f"{account} is not yours to look at"))
    return account

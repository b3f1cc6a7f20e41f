"""Tell the audit what a call was refused for, and what an admin has made of it in the names of others."""

from collections.abc import Iterable

from fastapi import Request
from starlette.types import Scope

from app.domain.errors import Reason
from app.domain.permissions import Caller
from app.services.access.refusals import NOBODY, Refusals
from app.services.requests import made_for_others
from app.services.requests.submission import Submitted

CALLER = "orchestrator.caller"  # in the scope of a call


def note_refused(scope: Scope, code: str, words: str, number: int = 1) -> None:
    """Note that the caller, or somebody who did not show who he is, was refused something."""
    refusals: Refusals = scope["app"].state.refusals
    who: Caller | None = scope.get(CALLER)
    client = scope.get("client")
    refusals.note(who.principal if who else NOBODY, code, words, client[0] if client else None, number)


def note_refused_items(request: Request, first_reasons: Iterable[Reason]) -> None:
    """Note the items of a call that were refused for who asks for them, by the reason against each."""
    reasons = list(first_reasons)
    if reasons:
        note_refused(request.scope, reasons[0].code, reasons[0].message, len(reasons))


def note_made_for_others(request: Request, submitted: Iterable[Submitted]) -> None:
    """Note what an admin has asked for in the names of accounts that are not his."""
    who: Caller | None = request.scope.get(CALLER)
    if who is not None:
        made_for_others.note_made_for_others(request.app.state.refusals, who, submitted)

"""What operators do to requests of others, for the audit."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.orm import Session

from app.domain.permissions import Caller
from app.services.access import audit
from app.services.requests.lookup import RequestFilter
from app.store.models import Request


def note_others(session: Session, caller: Caller, act: str, changed: Sequence[Request]) -> None:
    """Note what the caller has done to requests of accounts that are not his; not where nobody is asked."""
    others = [each for each in changed if each.account_id not in caller.principal.accounts]
    if others and not caller.unrestricted:
        first = others[0]
        asked = {"account": first.account_id, "domain": first.name, "type": first.record_type}
        more = {"more_of_its_group": len(others) - 1} if len(others) > 1 else {}
        audit.note(session, caller, act, str(first.id), after=asked | more)


def note_many(session: Session, caller: Caller, act: str, filters: RequestFilter, number: int) -> None:
    """Note what the caller has done to requests by a filter, if there were any."""
    if number:
        by = {name: str(value) for name, value in asdict(filters).items() if value}
        audit.note(session, caller, act, "by filter", after={"filter": by, "number": number})

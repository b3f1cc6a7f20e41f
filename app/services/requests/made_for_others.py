"""Tell the audit what an admin has asked for in the names of accounts that are not his."""

from collections.abc import Iterable

from app.domain.permissions import Caller, Role
from app.services.access.refusals import Refusals
from app.services.requests.submission import Accepted, Submitted


def note_made_for_others(refusals: Refusals, who: Caller, submitted: Iterable[Submitted]) -> None:
    """Note what he has made in the names of others, if he is an admin."""
    if Role.ADMIN not in who.principal.roles:
        return
    made = [each.request for each in submitted if isinstance(each, Accepted)]
    others = [each for each in made if each.account_id not in who.principal.accounts]
    if others:
        first = others[0]
        what = f"{first.action} {first.resource['domain']} {first.resource['record_type']}"
        refusals.note_change(
            who.principal, str(first.id), f"{what} for {first.account_id}", who.address, len(others)
        )

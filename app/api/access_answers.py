"""The services' types about access, as the shapes that clients get."""

from app.domain.permissions import Caller, Effect, Right
from app.schemas.response import AuditOut, AuditPage, Explanation, GrantOut, Me, TokenOut
from app.services.access import explain
from app.services.access.audit import Entry
from app.services.access.grants import GrantState
from app.services.access.tokens import TokenState
from app.services.paging import Page


def me(caller: Caller) -> Me:
    """Return who calls."""
    principal = caller.principal
    return Me(
        principal=principal.name,
        person=principal.person,
        accounts=sorted(principal.accounts),
        any_account=principal.speaks_for_any,
        roles=sorted(principal.roles),
        rights=[right for right in Right if principal.has(right)],
        grants=list(map(str, caller.grants.concerning(principal))),
    )


def explanation(found: explain.Explanation) -> Explanation:
    """Return what would become of a change."""
    grant = found.decision.grant
    return Explanation(
        principal=found.principal.name,
        account_id=found.asked.account,
        zone=found.asked.zone,
        effect=found.decision.effect,
        grant=grant and grant.id,
        code=found.decision.code if found.decision.effect is Effect.DENY else None,
        owner=found.owner,
        why=found.decision.why,
    )


def token_out(token: TokenState) -> TokenOut:
    """Return a token."""
    return TokenOut.model_validate(token, from_attributes=True)


def grant_out(grant: GrantState) -> GrantOut:
    """Return a grant."""
    return GrantOut.model_validate(grant, from_attributes=True)


def audit_page(page: Page[Entry]) -> AuditPage:
    """Return entries of the audit."""
    items = [AuditOut.model_validate(entry, from_attributes=True) for entry in page.items]
    return AuditPage(items=items, next_cursor=page.next_cursor)

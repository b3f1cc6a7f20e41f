"""The services' types about access, as the shapes that clients get."""

from collections.abc import Mapping, Sequence

from app.domain.permissions import Caller, Effect, Right
from app.domain.quotas import QUOTA_NAMES, Quota
from app.domain.zone_key import view_of
from app.schemas.access import (
    AuditOut,
    AuditPage,
    Explanation,
    GrantOut,
    LimitOut,
    Me,
    OwnQuota,
    QuotaLimits,
    QuotaList,
    QuotaOut,
    TokenOut,
    TransferOut,
    TransferPage,
    UsageOut,
)
from app.services.access import explain
from app.services.access.audit import Entry
from app.services.access.grants import GrantState
from app.services.access.quotas import QuotaState
from app.services.access.tokens import TokenState
from app.services.access.transfers import TransferState
from app.services.paging import Page
from app.services.requests.backlog import AccountUsage


def me(caller: Caller, usage: Mapping[str, AccountUsage]) -> Me:
    """Return who calls, and what his accounts have used."""
    principal = caller.principal
    return Me(
        principal=principal.name,
        person=principal.person,
        accounts=sorted(principal.accounts),
        any_account=principal.speaks_for_any,
        roles=sorted(principal.roles),
        rights=[right for right in Right if principal.has(right)],
        grants=list(map(str, caller.grants.concerning(principal))),
        quotas={account: _usage(each) for account, each in usage.items()},
    )


def _usage(usage: AccountUsage) -> UsageOut:
    quota, used = usage
    limits = ((name, getattr(quota, name) or None) for name in QUOTA_NAMES)
    return UsageOut(**{name: LimitOut(limit=limit, used=used.get(name)) for name, limit in limits})


def quota_out(quota: QuotaState) -> QuotaOut:
    """Return the quota of an account."""
    own = OwnQuota.model_validate(quota.own)
    in_effect = QuotaLimits.model_validate(quota.in_effect, from_attributes=True)
    about = {name: getattr(quota, name) for name in ("account_id", "comment", "updated_at", "updated_by")}
    return QuotaOut(own=own, in_effect=in_effect, **about)


def quota_list(found: Sequence[QuotaState], default: Quota) -> QuotaList:
    """Return the accounts that have quotas of their own."""
    limits = QuotaLimits.model_validate(default, from_attributes=True)
    return QuotaList(items=list(map(quota_out, found)), default=limits)


def explanation(found: explain.Explanation) -> Explanation:
    """Return what would become of a change."""
    grant = found.decision.grant
    return Explanation(
        principal=found.principal.name,
        account_id=found.asked.account,
        zone=found.asked.zone,
        view=view_of(found.asked.zone),
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


def transfer_out(transfer: TransferState) -> TransferOut:
    """Return a transfer."""
    return TransferOut.model_validate(transfer, from_attributes=True)


def transfer_page(page: Page[TransferState]) -> TransferPage:
    """Return a page of transfers."""
    return TransferPage(items=list(map(transfer_out, page.items)), next_cursor=page.next_cursor)


def audit_page(page: Page[Entry]) -> AuditPage:
    """Return entries of the audit."""
    items = [AuditOut.model_validate(entry, from_attributes=True) for entry in page.items]
    return AuditPage(items=items, next_cursor=page.next_cursor)

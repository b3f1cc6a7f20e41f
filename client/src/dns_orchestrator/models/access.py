"""Who may do what: tokens, grants, quotas, transfers, and the audit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from dns_orchestrator.models.base import Model


class Limit(Model):
    """How much an account may have (None: any number), and has (None: it is not counted)."""

    limit: int | None = None
    used: int | None = None


class Usage(Model):
    """How much of its quota an account has used."""

    open_requests: Limit
    records: Limit
    requests_per_minute: Limit


class Me(Model):
    """Who calls, and what he may do."""

    principal: str
    person: str | None = None
    accounts: list[str]
    any_account: bool
    roles: list[str]
    rights: list[str]
    grants: list[str]
    quotas: Mapping[str, Usage]


class Explanation(Model):
    """Whether a change may be made, by which grant, or why not."""

    principal: str
    account_id: str
    zone: str
    view: str | None = None
    effect: str
    grant: UUID | None = None
    code: str | None = None
    owner: str | None = None
    why: str


class Token(Model):
    """A token, without what only its holder knows."""

    prefix: str
    accounts: list[str]
    roles: list[str]
    networks: list[str]
    person: str | None = None
    comment: str | None = None
    created_at: datetime
    created_by: str
    made_by: list[str]
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class NewToken(Token):
    """A token that was made, with itself: nobody can read it a second time."""

    token: str


class TokenList(Model):
    """Every token, the newest first."""

    items: list[Token]


class Grant(Model):
    """What an account, or whoever has a role, may do; no types: every type, no actions: every action."""

    id: UUID
    effect: str
    account_id: str | None = None
    role: str | None = None
    zone: str
    names: str
    types: list[str]
    actions: list[str]
    comment: str | None = None
    created_at: datetime
    created_by: str


class GrantList(Model):
    """Every grant, the oldest first."""

    items: list[Grant]


class Transfer(Model):
    """What one account has offered to another."""

    id: UUID
    status: str
    zone: str
    names: str
    types: list[str]
    whole_zone: bool
    from_account: str | None = None
    to_account: str
    comment: str | None = None
    rrsets: int
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None


class QuotaLimits(Model):
    """What an account may have, and ask for; 0: any number. None: the default counts."""

    open_requests: int | None = None
    records: int | None = None
    requests_per_minute: int | None = None


class Quota(Model):
    """The quota of an account."""

    account_id: str
    own: QuotaLimits
    in_effect: QuotaLimits
    comment: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None


class QuotaList(Model):
    """The accounts that have quotas of their own, and what counts for all others."""

    items: list[Quota]
    default: QuotaLimits


class AuditEntry(Model):
    """A privileged act."""

    seq: int
    at: datetime
    principal: str
    address: str | None = None
    act: str
    subject: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    hash: str


class OidcLogin(Model):
    """Where users of an OIDC provider log in."""

    issuer: str
    client_id: str
    scope: str


class LoginWays(Model):
    """How one logs in: `auth` is off or required."""

    auth: str
    oidc: OidcLogin | None = None

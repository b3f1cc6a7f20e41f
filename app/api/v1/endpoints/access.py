"""Who may call, who may change what, and what was done with that."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from app.api import access_answers as answers
from app.api import openapi
from app.api.auth import TheCaller, needs, open_to_all
from app.api.body import JsonRoute
from app.api.query import Cursor, ShortLimit
from app.core.config import settings
from app.core.database import reading, transaction
from app.domain.permissions import Right
from app.domain.quotas import QUOTA_NAMES
from app.schemas.access import (
    AuditPage,
    Explain,
    Explanation,
    GrantList,
    GrantOut,
    LoginOut,
    Me,
    NewGrant,
    NewQuota,
    NewToken,
    NewTokenOut,
    OidcLoginOut,
    QuotaList,
    QuotaOut,
    TokenList,
    TokenOut,
)
from app.schemas.request import ACCOUNT
from app.services.access import audit, grants, quotas, tokens
from app.services.access.current import CurrentAccess
from app.services.access.explain import Question, explain
from app.services.access.oidc.login import OidcLogin
from app.services.requests.backlog import Backlog

AccountInPath = Annotated[str, Path(min_length=1, max_length=255, pattern=ACCOUNT)]

router = APIRouter(prefix="/access", tags=["access"], route_class=JsonRoute)


@router.get("/login", summary="How do I say who I am?")
@open_to_all
def show_login(request: Request) -> LoginOut:
    """What a client, or a person, can log in with."""
    login: OidcLogin | None = request.app.state.oidc_login
    oidc = None
    if login is not None:
        client = login.client
        oidc = OidcLoginOut(issuer=login.issuer.url, client_id=client.id, scope=client.scope)
    return LoginOut(auth=settings().auth, oidc=oidc)


@router.get("/me", summary="Who am I, and what may I do?")
@needs(Right.KNOW_ONESELF)
def show_caller(caller: TheCaller, request: Request) -> Me:
    """The caller's accounts, roles and rights, the grants about him, and what his accounts have used."""
    backlog: Backlog = request.app.state.backlog
    with reading() as session:
        usage = backlog.usage_of(session, sorted(caller.principal.accounts))
    return answers.me(caller, usage)


@router.post("/explain", summary="May this change be made?", responses=openapi.BODY | openapi.NO_TOKEN)
@needs(Right.KNOW_ONESELF)
def explain_decision(body: Explain, caller: TheCaller) -> Explanation:
    """Which grant lets the caller make a change, or keeps him from it. Nothing is asked for.

    Auditors and admins may ask the same for another token.
    """
    with reading() as session:
        return answers.explanation(explain(session, caller, Question(**dict(body))))


@router.get("/tokens", summary="List the tokens")
@needs(Right.READ_ACCESS)
def list_tokens() -> TokenList:
    """Every token that was ever made, the newest first; without what only its holder knows."""
    with reading() as session:
        return TokenList(items=[answers.token_out(token) for token in tokens.list_tokens(session)])


@router.post("/tokens", status_code=201, summary="Make a token", responses=openapi.BODY)
@needs(Right.MANAGE_ACCESS)
def create_token(body: NewToken, request: Request, caller: TheCaller) -> NewTokenOut:
    """`token` of the answer is what its holder needs; nobody can read it a second time."""
    with transaction() as session:
        made = tokens.create_token(session, caller, tokens.TokenOrder(**dict(body)))
    _expire(request)
    return NewTokenOut(**dict(answers.token_out(made.token)), token=made.secret)


@router.delete("/tokens/{prefix}", summary="Revoke a token", responses=openapi.NO_TOKEN)
@needs(Right.MANAGE_ACCESS)
def revoke_token(prefix: str, request: Request, caller: TheCaller) -> TokenOut:
    """Within a second every process refuses it. It stays in the list."""
    with transaction() as session:
        token = tokens.revoke_token(session, caller, prefix)
    _expire(request)
    return answers.token_out(token)


@router.get("/grants", summary="List the grants")
@needs(Right.READ_ACCESS)
def list_grants() -> GrantList:
    """Every grant, the oldest first."""
    with reading() as session:
        return GrantList(items=[answers.grant_out(grant) for grant in grants.list_grants(session)])


@router.post("/grants", status_code=201, summary="Add a grant", responses=openapi.BODY)
@needs(Right.MANAGE_ACCESS)
def add_grant(body: NewGrant, request: Request, caller: TheCaller) -> GrantOut:
    """Deny beats review, review beats allow, and what no grant is about is denied, but to admins.

    Where there is a grant that says the same, it is the answer.
    """
    with transaction() as session:
        added = grants.add_grant(session, caller, body.grant(), body.comment)
    _expire(request)
    return answers.grant_out(added)


@router.delete("/grants/{grant_id}", status_code=204, summary="Remove a grant", responses=openapi.NO_GRANT)
@needs(Right.MANAGE_ACCESS)
def remove_grant(grant_id: UUID, request: Request, caller: TheCaller) -> None:
    """What was accepted by it goes on."""
    with transaction() as session:
        grants.remove_grant(session, caller, grant_id)
    _expire(request)


@router.get("/quotas", summary="List the quotas")
@needs(Right.READ_ACCESS)
def list_quotas() -> QuotaList:
    """The accounts that have quotas of their own; for all others the defaults count."""
    with reading() as session:
        return answers.quota_list(quotas.list_quotas(session), quotas.default_quota())


@router.get("/quotas/{account:path}", summary="Show the quota of an account")
@needs(Right.READ_ACCESS)
def show_quota(account: AccountInPath) -> QuotaOut:
    """What it has of its own, and what is in effect."""
    with reading() as session:
        return answers.quota_out(quotas.get_quota(session, account))


@router.put("/quotas/{account:path}", summary="Give an account a quota of its own", responses=openapi.BODY)
@needs(Right.MANAGE_ACCESS)
def set_quota(account: AccountInPath, body: NewQuota, request: Request, caller: TheCaller) -> QuotaOut:
    """It takes the place of an earlier one: for what is left out the default counts."""
    wanted = body.model_dump(include=set(QUOTA_NAMES))
    with transaction() as session:
        quota = quotas.set_quota(session, caller, account, wanted, body.comment)
    _expire(request)
    return answers.quota_out(quota)


@router.delete(
    "/quotas/{account:path}",
    status_code=204,
    summary="Remove an account's own quota",
    responses=openapi.NO_QUOTA,
)
@needs(Right.MANAGE_ACCESS)
def remove_quota(account: AccountInPath, request: Request, caller: TheCaller) -> None:
    """The defaults count for it again."""
    with transaction() as session:
        quotas.remove_quota(session, caller, account)
    _expire(request)


@router.get("/audit", summary="Read what was done")
@needs(Right.READ_ACCESS)
def list_audit(limit: ShortLimit = 20, cursor: Cursor = None) -> AuditPage:
    """Every privileged act, the newest first: who has done it, from where, and what it has changed."""
    with reading() as session:
        return answers.audit_page(audit.list_entries(session, limit, cursor))


def _expire(request: Request) -> None:
    access: CurrentAccess = request.app.state.access
    access.expire()

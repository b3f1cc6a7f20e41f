"""Who answers for a webhook: it gets what that principal may read, as long as he may.

A token is looked at each time; what an OIDC issuer has said of somebody is believed for thirty days, since
nobody can ask it again without him.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.permissions import EVERYBODY, Principal, Right, Role
from app.services.access.identify import principal_of
from app.store import tokens
from app.store.models import AccessToken, Webhook

BELIEVED_FOR = timedelta(days=30)  # what an OIDC issuer has said
_OF_TOKEN = "token "  # noqa: S105 - how the name of a token's principal begins


def hold(webhook: Webhook, principal: Principal) -> None:
    """Let the principal answer for the webhook from now on."""
    webhook.holder = principal.name
    of_token = principal.name.startswith(_OF_TOKEN)
    webhook.holder_token = principal.name.removeprefix(_OF_TOKEN) if of_token else None
    webhook.holder_accounts = [] if of_token else sorted(principal.accounts)
    webhook.holder_roles = [] if of_token else sorted(principal.roles)
    webhook.held_since = datetime.now(UTC)


def holders_of(session: Session, webhooks: Iterable[Webhook]) -> Mapping[UUID, Principal]:
    """Return who answers for each of the webhooks, by their ids; none for one whose holder may no more."""
    listed = list(webhooks)
    if settings().auth == "off":
        return {each.id: EVERYBODY.principal for each in listed}
    prefixes = {each.holder_token for each in listed if each.holder_token is not None}
    known = {token.prefix: token for token in tokens.list_named(session, prefixes)}
    found = {each.id: _holder_of(each, known) for each in listed}
    return {id_: holder for id_, holder in found.items() if holder is not None and holder.has(Right.WEBHOOKS)}


def holds_until(webhook: Webhook, tokens_by_prefix: Mapping[str, AccessToken]) -> datetime | None:
    """Return when its holder answers for the webhook no more, unless he renews it; None: that is open."""
    if settings().auth == "off":
        return None
    if webhook.holder_token is None:
        return webhook.held_since + BELIEVED_FOR
    token = tokens_by_prefix.get(webhook.holder_token)
    return token.expires_at if token is not None else None


def wants(webhook: Webhook, holder: Principal, account: str, event_type: str) -> bool:
    """Return whether the event is for the webhook, and its holder may read it."""
    if webhook.event_types and event_type not in webhook.event_types:
        return False
    return webhook.account_id in (None, account) and holder.reads(account)


def _holder_of(webhook: Webhook, known: Mapping[str, AccessToken]) -> Principal | None:
    now = datetime.now(UTC)
    if webhook.holder_token is not None:
        token = known.get(webhook.holder_token)
        if token is None or token.revoked_at is not None:
            return None
        return principal_of(token) if token.expires_at is None or token.expires_at > now else None
    if webhook.holder == EVERYBODY.principal.name or webhook.held_since + BELIEVED_FOR <= now:
        return None
    roles = frozenset(Role(role) for role in webhook.holder_roles if role in frozenset(Role))
    return Principal(webhook.holder, frozenset(webhook.holder_accounts), roles)

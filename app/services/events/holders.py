"""Who answers for a webhook: it gets what that principal may read, as long as he may.

What he may read is kept with the webhook, since workers see no tokens: those of a token never change, and
whoever revokes it ends what it holds (services/access/tokens.py). What an OIDC issuer has said of somebody is
believed for thirty days: nobody can ask it again without him.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.permissions import EVERYBODY, Principal, Right, Role
from app.store import tokens
from app.store.models import Webhook
from app.store.upkeep import read_time

BELIEVED_FOR = timedelta(days=30)  # what an OIDC issuer has said
_OF_TOKEN = "token "  # noqa: S105 - how the name of a token's principal begins
_ROLES = frozenset(Role)


def hold(session: Session, webhook: Webhook, principal: Principal) -> None:
    """Let the principal answer for the webhook from now on."""
    webhook.holder = principal.name
    webhook.holder_accounts = sorted(principal.accounts)
    webhook.holder_roles = sorted(principal.roles)
    webhook.holder_token = webhook.holds_until = None
    if principal.name.startswith(_OF_TOKEN):
        webhook.holder_token = principal.name.removeprefix(_OF_TOKEN)
        token = tokens.get(session, webhook.holder_token)
        webhook.holds_until = token.expires_at if token is not None else read_time(session)
    elif principal != EVERYBODY.principal:
        webhook.holds_until = read_time(session) + BELIEVED_FOR


def holders_of(webhooks: Iterable[Webhook], now: datetime) -> Mapping[UUID, Principal]:
    """Return who answers for each of the webhooks, by their ids; none for one whose holder may no more.

    `now` is the database's time, which all processes have.
    """
    if settings().auth == "off":
        return {each.id: EVERYBODY.principal for each in webhooks}
    found = {each.id: _holder_of(each, now) for each in webhooks}
    return {id_: holder for id_, holder in found.items() if holder is not None and holder.has(Right.WEBHOOKS)}


def wants(webhook: Webhook, holder: Principal, account: str, event_type: str) -> bool:
    """Return whether the event is for the webhook, and its holder may read it."""
    if webhook.event_types and event_type not in webhook.event_types:
        return False
    return webhook.account_id in (None, account) and holder.reads(account)


def _holder_of(webhook: Webhook, now: datetime) -> Principal | None:
    has_ended = webhook.holds_until is not None and webhook.holds_until <= now
    if has_ended or webhook.holder == EVERYBODY.principal.name:
        return None
    roles = frozenset(Role(role) for role in webhook.holder_roles if role in _ROLES)
    return Principal(webhook.holder, frozenset(webhook.holder_accounts), roles)

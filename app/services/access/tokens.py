"""Tokens: `dnso_`, a prefix by which one is named, and 256 bits that nobody knows but who was given it."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.networks import Network, unmapped
from app.domain.errors import InvalidInput, Reason, TokenNotFound
from app.domain.permissions import Caller, Principal, Role
from app.services.access import audit
from app.services.rows import values_for
from app.store import grants, webhooks
from app.store import tokens as store
from app.store.models import AccessToken

_SECRET_BYTES = 32
_PREFIX = re.compile("[0-9a-f]{12}")
_NAME = "name:token "  # how the identity of a token begins
MAX_MAKERS = 100  # identities that a token remembers
LATEST_END = datetime(9999, 1, 1, tzinfo=UTC)  # some later times are in no year that can be read again
_WRITTEN = re.compile(rf"dnso_({_PREFIX.pattern})_[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """What a new token is to be for."""

    accounts: Sequence[str]
    roles: Sequence[Role]
    networks: Sequence[Network] = ()  # none: it may be used from anywhere
    expires_at: datetime | None = None
    comment: str | None = None
    person: str | None = None  # whose it is


@dataclass(frozen=True, slots=True)
class TokenState:
    """A token that was made, without what only its holder knows."""

    prefix: str
    accounts: Sequence[str]
    roles: Sequence[str]
    networks: Sequence[str]
    person: str | None
    comment: str | None
    created_at: datetime
    created_by: str
    made_by: Sequence[str]  # over HTTP: identities of those who may have kept it
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None  # to within a minute or so

    @property
    def has_ended(self) -> bool:
        """Whether nobody can use it any more."""
        ended = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return ended or self.revoked_at is not None


class NewToken(NamedTuple):
    """A token that was made. What is in `secret` can't be had a second time."""

    secret: str
    token: TokenState


def create_token(session: Session, caller: Caller, order: TokenOrder) -> NewToken:
    """Make a token. Raises InvalidInput.

    It remembers those who have seen it: its maker, and whoever may have kept the token that the maker
    called with. Who uses the command line is not one of them: he has the database.
    """
    made_by = [] if caller.unrestricted else _makers(session, caller.principal)
    reasons = _reasons_against(order)
    if len(made_by) > MAX_MAKERS:
        message = "too many tokens, each made with the one before: make this one with an older one"
        reasons.append(Reason((), "too_many_makers", message))
    if reasons:
        raise InvalidInput(reasons)
    prefix = secrets.token_hex(6)
    secret = f"dnso_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    row = AccessToken(
        id=uuid7(),
        prefix=prefix,
        digest=digest_of(secret),
        person=order.person,
        comment=order.comment,
        accounts=sorted(set(order.accounts)),
        roles=sorted(set(order.roles)),
        networks=[str(unmapped(network)) for network in order.networks],
        created_by=caller.principal.name,
        made_by=made_by,
        expires_at=order.expires_at,
    )
    token = store.add(session, row)
    grants.change_version(session)
    audit.note(session, caller, "token_created", prefix, after=_as_json(token))
    return NewToken(secret, _state(token))


def list_tokens(session: Session) -> list[TokenState]:
    """Return every token, the newest first."""
    return list(map(_state, store.list_all(session)))


def revoke_token(session: Session, caller: Caller, prefix: str) -> TokenState:
    """Let nobody use the token any more; one that is revoked stays so. Raises TokenNotFound.

    Every process refuses it within a second. Nothing is delivered any more to webhooks that it holds.
    """
    token = store.lock(session, prefix) if _PREFIX.fullmatch(prefix) else None
    if token is None:
        raise TokenNotFound
    if token.revoked_at is None:
        before = _as_json(token)
        token.revoked_at = datetime.now(UTC)
        session.flush()
        grants.change_version(session)
        audit.note(session, caller, "token_revoked", prefix, before, _as_json(token))
        for webhook in webhooks.disable_held_by(session, prefix):
            audit.note(session, caller, "webhook_disabled", str(webhook), after={"disabled": "rights_lost"})
    return _state(token)


def prefix_of(secret: str) -> str | None:
    """Return by which prefix the token is known; None for what is not written as one."""
    found = _WRITTEN.fullmatch(secret)
    return found[1] if found else None


def digest_of(secret: str) -> bytes:
    """Return what is stored of a token. It has 256 random bits: a slow hash would add nothing."""
    return sha256(secret.encode()).digest()


def _makers(session: Session, maker: Principal) -> list[str]:
    """Return who may have kept a token that he makes; but for tokens that ended long ago."""
    found = maker.own_identities | maker.made_by
    prefixes = {each.removeprefix(_NAME) for each in found if each.startswith(_NAME)}
    return sorted(found - {_NAME + prefix for prefix in store.list_long_ended(session, prefixes)})


def _reasons_against(order: TokenOrder) -> list[Reason]:
    reasons = []
    if not order.roles:
        reasons.append(Reason(("roles",), "missing", "at least one role: a token without one is of no use"))
    if Role.REQUESTER in order.roles and not order.accounts:
        message = "a requester asks for changes in the name of an account: name at least one"
        reasons.append(Reason(("accounts",), "missing", message))
    if order.expires_at is not None and order.expires_at <= datetime.now(UTC):
        reasons.append(Reason(("expires_at",), "time_past", "this time has passed"))
    elif order.expires_at is not None and order.expires_at > LATEST_END:
        message = "after the year 9998: leave it out for a token that never ends"
        reasons.append(Reason(("expires_at",), "time_out_of_range", message))
    return reasons


def _state(row: AccessToken) -> TokenState:
    return TokenState(**values_for(TokenState, row))


def _as_json(token: AccessToken) -> dict[str, Any]:
    return {
        "person": token.person,
        "comment": token.comment,
        "accounts": token.accounts,
        "roles": token.roles,
        "networks": token.networks,
        "expires_at": token.expires_at and token.expires_at.astimezone(UTC).isoformat(),
        "revoked_at": token.revoked_at and token.revoked_at.astimezone(UTC).isoformat(),
    }

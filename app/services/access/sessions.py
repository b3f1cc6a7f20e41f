"""Who is logged in at the console.

A session is known by a cookie of 256 random bits, of which only the digest is stored. One that was begun
with a token lasts as long as that token does: what is revoked, has expired, or may not be used from there, is
of no use in a session, either. One that was begun by OIDC keeps what the issuer has said; who that is follows
from the rules in force now.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from app.core.database import reading, transaction
from app.domain.permissions import Caller, Grants, Principal
from app.services.access import audit
from app.services.access.current import Snapshot
from app.services.access.identify import why_unusable
from app.services.access.oidc.access_tokens import AccessTokens
from app.services.access.tokens import prefix_of
from app.store import sessions as store
from app.store.models import ConsoleSession

MOST = 50  # sessions of one principal: the oldest end
SEEN_NOTED_EVERY = timedelta(minutes=1)
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's session, by the prefix of his token or by what the OIDC issuer says of him."""

    token: str | None
    claims: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who has shown who he is: by a token, or else by what an OIDC issuer says of him."""

    principal: Principal
    address: str | None
    token: str | None = None
    claims: dict[str, Any] | None = None


def begin_session(login: Login, lifetime: timedelta) -> str:
    """Begin a session; return its cookie, which can't be had a second time."""
    cookie = secrets.token_urlsafe(32)
    row = ConsoleSession(
        digest=_digest(cookie),
        holder=login.principal.name,
        token=prefix_of(login.token) if login.token else None,
        claims=login.claims,
        expires_at=datetime.now(UTC) + lifetime,
    )
    with transaction() as session:
        store.remove_expired(session)
        store.add(session, row)
        store.keep_newest(session, row.holder, MOST)
        caller = Caller(login.principal, Grants(), address=login.address)
        audit.note(session, caller, "logged_in", login.principal.name, after={"until": str(row.expires_at)})
    return cookie


def find_session(cookie: str) -> Session | None:
    """Return the session of a cookie; None for one that has ended, or that there never was."""
    if not _COOKIE.fullmatch(cookie):
        return None
    digest = _digest(cookie)
    with reading() as session:
        found = store.get(session, digest)
    if found is None:
        return None
    if found.last_seen_at is None or datetime.now(UTC) - found.last_seen_at > SEEN_NOTED_EVERY:
        with transaction() as session:
            store.note_seen(session, digest)
    return Session(found.token, found.claims)


def end_session(cookie: str, caller: Caller) -> bool:
    """End a session, if there is one of this cookie; return whether it began at the issuer."""
    with transaction() as session:
        removed = store.remove(session, _digest(cookie))
        if removed is not None:
            audit.note(session, caller, "logged_out", caller.principal.name)
        return removed is not None and removed.claims is not None


def principal_of(
    found: Session, snapshot: Snapshot, oidc: AccessTokens | None, address: str | None
) -> Principal | None:
    """Return whose session it is; None where what it was begun with is of no use any more."""
    if found.token is not None:
        token = snapshot.tokens.get(found.token)
        return token.principal if token and why_unusable(token, address) is None else None
    if oidc is None or found.claims is None:
        return None
    principal = oidc.principal_of(found.claims)
    return principal if isinstance(principal, Principal) else None


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()

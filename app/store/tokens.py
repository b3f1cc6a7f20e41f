"""Tokens, as they are stored: without the tokens themselves."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.store.models import AccessToken

# Those that ended long ago are not told from any other wrong one.
_KNOWN = text(
    """
    SELECT id, prefix, digest, accounts, roles, networks, person, made_by, expires_at, revoked_at
      FROM access_tokens
     WHERE (expires_at IS NULL OR expires_at > now() - interval '30 days')
       AND (revoked_at IS NULL OR revoked_at > now() - interval '30 days')
    """
)
_NOTE_USE = text(
    """
    UPDATE access_tokens SET last_used_at = now()
     WHERE id = ANY(:ids) AND (last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :seldom))
    """
)


def add(session: Session, token: AccessToken) -> AccessToken:
    """Store a new token, and return it."""
    session.add(token)
    session.flush()
    session.refresh(token)
    return token


def list_all(session: Session) -> Sequence[AccessToken]:
    """Return every token, the newest first."""
    return session.scalars(select(AccessToken).order_by(AccessToken.id.desc())).all()


def get(session: Session, prefix: str) -> AccessToken | None:
    """Return the token with that prefix."""
    return session.scalars(select(AccessToken).where(AccessToken.prefix == prefix)).one_or_none()


def lock(session: Session, prefix: str) -> AccessToken | None:
    """Return the token with that prefix. Nobody else changes it until the transaction ends."""
    return session.scalars(
        select(AccessToken).where(AccessToken.prefix == prefix).with_for_update()
    ).one_or_none()


def list_long_ended(session: Session, prefixes: Collection[str]) -> Sequence[str]:
    """Return those of the prefixes whose tokens have been of no use for 30 days: nothing of theirs waits."""
    then = func.now() - timedelta(days=30)
    ended = (AccessToken.revoked_at < then) | (AccessToken.expires_at < then)
    return session.scalars(select(AccessToken.prefix).where(AccessToken.prefix.in_(prefixes), ended)).all()


def list_known(session: AnySession) -> Sequence[Any]:
    """Return what is needed to tell who calls by which token, and who may not any more."""
    return session.execute(_KNOWN).all()


def note_use(session: AnySession, ids: Collection[UUID], seldom: float) -> None:
    """Note that these tokens were used, unless that was noted less than `seldom` seconds ago."""
    session.execute(_NOTE_USE, {"ids": sorted(ids), "seldom": seldom})

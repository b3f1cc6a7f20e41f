"""Grants, and the version of all that decides about access."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.store.models import AccessGrant

_VERSION = text("SELECT version FROM access_version")
_CHANGE_VERSION = text(
    "INSERT INTO access_version (id, version) VALUES (1, :version)"
    " ON CONFLICT (id) DO UPDATE SET version = excluded.version"
)


def add(session: Session, grant: AccessGrant) -> AccessGrant:
    """Store a new grant, and return it."""
    session.add(grant)
    session.flush()
    session.refresh(grant)
    return grant


def find_same(session: Session, grant: AccessGrant) -> AccessGrant | None:
    """Return the oldest grant that says the same as a new one; its comment may be another."""
    said = ("effect", "account_id", "role", "zone", "names", "types", "actions")
    same = (getattr(AccessGrant, name).is_not_distinct_from(getattr(grant, name)) for name in said)
    return session.scalars(select(AccessGrant).where(*same).order_by(AccessGrant.id).limit(1)).first()


def list_all(session: Session) -> Sequence[AccessGrant]:
    """Return every grant, the oldest first."""
    return session.scalars(select(AccessGrant).order_by(AccessGrant.id)).all()


def list_known(session: AnySession) -> Sequence[Any]:
    """Return every grant, as `AccessGrant` has it."""
    return session.execute(select(AccessGrant.__table__)).all()


def lock(session: Session, grant_id: UUID) -> AccessGrant | None:
    """Return the grant of that id. Nobody else changes it until the transaction ends."""
    return session.get(AccessGrant, grant_id, with_for_update=True)


def remove(session: Session, grant: AccessGrant) -> None:
    """Remove the grant."""
    session.delete(grant)
    session.flush()


def version(session: AnySession) -> UUID | None:
    """Return what is another value after each change of tokens or grants; None before the first."""
    found: UUID | None = session.execute(_VERSION).scalar()
    return found


def change_version(session: AnySession) -> None:
    """Let every process notice that tokens or grants change with this transaction.

    A value that was never there before: after a database was restored, a counter might come to the same.
    """
    session.execute(_CHANGE_VERSION, {"version": uuid4()})

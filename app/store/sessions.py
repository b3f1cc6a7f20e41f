"""Sessions of the console, as they are stored: without their cookies."""

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.store.models import ConsoleSession
from app.store.turns import take_turn

_MOST_REMOVED = 1_000  # at once


def add(session: Session, row: ConsoleSession) -> None:
    """Store a session."""
    session.add(row)
    session.flush()


def get(session: Session, digest: bytes) -> ConsoleSession | None:
    """Return the session of a cookie, unless it has ended."""
    found = select(ConsoleSession).where(ConsoleSession.digest == digest)
    return session.scalars(found.where(ConsoleSession.expires_at > func.now())).one_or_none()


def note_seen(session: Session, digest: bytes) -> None:
    """Note that the session is in use now."""
    session.execute(
        update(ConsoleSession).where(ConsoleSession.digest == digest).values(last_seen_at=func.now())
    )


def remove(session: Session, digest: bytes) -> ConsoleSession | None:
    """Remove a session, and return it."""
    return session.scalars(
        delete(ConsoleSession).where(ConsoleSession.digest == digest).returning(ConsoleSession)
    ).one_or_none()


def remove_expired(session: Session) -> None:
    """Remove sessions that have ended."""
    expired = select(ConsoleSession.digest).where(ConsoleSession.expires_at <= func.now())
    chosen = expired.limit(_MOST_REMOVED).with_for_update(skip_locked=True)
    session.execute(delete(ConsoleSession).where(ConsoleSession.digest.in_(chosen)))


def keep_newest(session: Session, holder: str, number: int) -> None:
    """Remove the sessions of a principal but for the newest ones. Nobody else does until it is committed."""
    take_turn(session, f"the number of sessions of {holder}")
    own = select(ConsoleSession.digest).where(ConsoleSession.holder == holder)
    older = own.order_by(ConsoleSession.created_at.desc()).offset(number)
    session.execute(delete(ConsoleSession).where(ConsoleSession.digest.in_(older)))

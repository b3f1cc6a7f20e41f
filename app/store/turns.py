"""What one transaction does after the other: what counts and then adds, say."""

from sqlalchemy import text

from app.core.database import AnySession

_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


def take_turn(session: AnySession, what: str) -> None:
    """Wait until nobody else does it; nobody else does then until the transaction ends."""
    session.execute(_TAKE_TURN, {"what": what})

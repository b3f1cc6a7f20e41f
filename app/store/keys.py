"""The age of idempotency keys: each is forgotten some time after its request was accepted."""

from datetime import datetime, timedelta

from sqlalchemy import text

from app.core.database import AnySession
from app.core.partitioning import id_at

_PARTS = 24 * 60  # of the table: one is looked through in each minute, all of them in a day
_PAGES = text(
    "SELECT pg_relation_size('dns_idempotency_keys') / CAST(current_setting('block_size') AS bigint)"
)
# By the places of rows: an index by age would cost each key that is stored.
_FORGET = text(
    """
    DELETE FROM dns_idempotency_keys
     WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:end AS tid) AND request_id < :before
    """
)


def forget_some(session: AnySession, now: datetime, lifetime: float) -> int:
    """Forget keys that are older than so many seconds, in that part of the table whose turn it is.

    Called each minute, by however many processes. Return how many were forgotten.
    """
    pages = int(session.execute(_PAGES).scalar_one())
    turn = int(now.timestamp() // 60) % _PARTS
    first, end = pages * turn // _PARTS, pages * (turn + 1) // _PARTS
    return forget_between(session, first, end, now - timedelta(seconds=lifetime)) if end > first else 0


def forget_between(session: AnySession, first: int, end: int, before: datetime) -> int:
    """Forget keys on these pages of the table whose requests were accepted before that time."""
    places = {"first": f"({first},0)", "end": f"({end},0)", "before": id_at(before)}
    return int(session.execute(_FORGET, places).rowcount)  # type: ignore[attr-defined]

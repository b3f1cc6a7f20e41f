"""Wait until one transaction of the test's database blocks another."""

from sqlalchemy import text

from app.core.database import transaction
from tests.support.eventually import eventually

_BLOCKED = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
_ASLEEP = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()
"""


def wait_for_blocked_transaction() -> None:
    """Return when a transaction of this test's database waits for a lock that another one holds."""
    eventually(lambda: _number(_BLOCKED))


def wait_for_sleeping_transaction() -> None:
    """Return when a statement in this test's database is asleep."""
    eventually(lambda: _number(_ASLEEP))


def _number(query: str) -> int:
    with transaction() as session:
        return session.scalar(text(query)) or 0

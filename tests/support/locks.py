"""Wait until transactions stand in each other's way."""

import time

from sqlalchemy import text

from app.core.database import transaction

_WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def until_someone_waits() -> None:
    """Return when a transaction of this test's database waits for another."""
    while not _someone_waits():
        time.sleep(0.02)


def _someone_waits() -> bool:
    with transaction() as session:
        return bool(session.scalar(text(_WAITING)))

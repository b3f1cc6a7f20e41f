"""Leases of processes: one has a thing until its lease ends, and only it can extend that."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import outbox, watch
from app.store.process_leases import ProcessLeases

TABLES = {"dns_watch_leases": watch.LEASES, "dns_publisher_leases": outbox.LEASES}
MINE, OTHERS = uuid4(), uuid4()


@pytest.mark.parametrize("table", TABLES)
def test_one_process_has_it_until_it_is_released_or_ends(app_settings: Settings, table: str) -> None:
    upgrade()
    leases: ProcessLeases = TABLES[table]
    with transaction() as session:
        assert leases.acquire(session, "it", MINE, 60) is not None
        assert leases.acquire(session, "it", MINE, 60) is not None
        assert leases.acquire(session, "it", OTHERS, 60) is None
        assert leases.extend(session, "it", MINE, 60, 7)
        assert not leases.extend(session, "it", OTHERS, 60, 8)
        leases.release(session, OTHERS)
        assert leases.acquire(session, "it", OTHERS, 60) is None
        leases.release(session, MINE)
        assert leases.acquire(session, "it", OTHERS, 60) in (True, 7)
        assert not leases.extend(session, "it", MINE, 60, 9)
        session.execute(text(f"UPDATE {table} SET expires_at = now() WHERE holder = :id"), {"id": OTHERS})
    with transaction() as session:
        assert leases.acquire(session, "it", MINE, 60) is not None


@pytest.mark.parametrize("table", TABLES)
def test_who_finds_it_held_does_not_wait_for_its_holder(app_settings: Settings, table: str) -> None:
    upgrade()
    leases: ProcessLeases = TABLES[table]
    with transaction() as session:
        leases.acquire(session, "it", MINE, 60)
    with transaction() as session, transaction() as other:
        leases.extend(session, "it", MINE, 60, 7)
        other.execute(text("SET LOCAL lock_timeout = '100ms'"))
        assert leases.acquire(other, "it", OTHERS, 60) is None

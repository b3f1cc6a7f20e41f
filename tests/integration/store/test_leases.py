"""Who holds a zone: what is written under a lease, and what must not wait for it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.domain.errors import LeaseLost
from app.store import leases
from app.store.leases import Lease
from tests.support.eventually import eventually

ZONE = "example.test"
WAITING = text(
    "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database())"
)
EXPIRE = text("UPDATE dns_zone_leases SET expires_at = now()")


@pytest.fixture
def lease(app_settings: Settings) -> Lease:
    """The lease of a zone."""
    upgrade()
    with transaction() as session:
        made = leases.acquire(session, ZONE, "a worker", 60)
    assert made is not None
    return made


def test_the_heartbeat_does_not_wait_for_a_claim_or_a_settlement(lease: Lease) -> None:
    with transaction() as session, transaction() as heartbeat:
        leases.check(session, lease)
        heartbeat.execute(text("SET LOCAL lock_timeout = '100ms'"))
        assert leases.extend(heartbeat, lease, 60)


def test_who_finds_the_zone_held_does_not_wait_for_its_holder(lease: Lease) -> None:
    with transaction() as session, transaction() as other:
        leases.check(session, lease)
        leases.note_claim(session, lease, [1, 2])
        other.execute(text("SET LOCAL lock_timeout = '100ms'"))
        assert leases.acquire(other, ZONE, "another", 60) is None


def test_the_next_holder_waits_for_a_settlement(lease: Lease) -> None:
    with transaction() as session:
        session.execute(EXPIRE)
    with transaction() as session, transaction() as other:
        leases.check(session, lease)
        other.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            leases.acquire(other, ZONE, "another", 60)
        other.rollback()


def test_a_claim_is_noted_after_a_heartbeat_for_which_it_waits(lease: Lease) -> None:
    def claim() -> None:
        with transaction() as session:
            leases.note_claim(session, lease, [1, 2])

    with ThreadPoolExecutor() as pool:
        with transaction() as heartbeat:
            assert leases.extend(heartbeat, lease, 60)
            noted = pool.submit(claim)
            eventually(lambda: heartbeat.scalar(WAITING), 10)
        noted.result()
    with transaction() as session:
        assert session.scalar(text("SELECT claimed_to FROM dns_zone_leases")) == 2


def test_a_second_holder_with_the_same_token(lease: Lease) -> None:
    """A standby that has not seen the last holder gives its token to the next one."""
    second = replace(lease, nonce=uuid4())
    with transaction() as session:
        assert not leases.extend(session, second, 60)
        with pytest.raises(LeaseLost):
            leases.check(session, second)
        leases.release(session, second)
        assert leases.extend(session, lease, 60)
        leases.check(session, lease)


def test_a_lease_that_has_run_out_is_good_for_settling_and_not_for_claiming(lease: Lease) -> None:
    with transaction() as session:
        session.execute(EXPIRE)
    with transaction() as session:
        leases.check(session, lease)
        with pytest.raises(LeaseLost):
            leases.check(session, lease, to_claim=True)
    with transaction() as session:
        assert leases.acquire(session, ZONE, "another", 60) is not None
        with pytest.raises(LeaseLost):
            leases.check(session, lease)

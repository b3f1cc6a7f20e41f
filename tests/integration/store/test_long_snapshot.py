"""Beside a snapshot that is held for long, nothing visits all that was settled since it was taken."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import engine, statements, transaction, upgrade
from app.domain.change import Action
from app.services.requests.draft import RawChange
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import due, leases, queue, upkeep, zones
from tests.support.builders import body
from tests.support.partitions import NO_AUTOVACUUM, VISITED

SETTLED = 3_000
FIRST, SECOND = "a.test", "b.test"
INSERT = """
    INSERT INTO dns_requests
        (id, action, account_id, source, via, resource, zone, name, record_type, ttl, rdata)
    SELECT gen_random_uuid(), 'create', 'team-a', 'api', 'api', '{}', :zone, 'www.' || :zone, 'A', 300,
           '{192.0.2.1}'
      FROM generate_series(1, :number)
"""
SETTLE = """
    UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now() WHERE zone = :zone
"""
LATER = "UPDATE dns_zone_leases SET next_floor_at = next_floor_at - interval '1 hour', expires_at = now()"
LONG_AGO = "UPDATE dns_zone_leases SET expires_at = now() - interval '1 hour'"


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test, since some alter the tables."""
    return copied_database


@pytest.fixture
def snapshot(app_settings: Settings) -> Iterator[None]:
    """Two zones, and a snapshot that another session holds, as a backup does."""
    upgrade()
    with transaction() as session:
        session.execute(text(NO_AUTOVACUUM))
        for zone in (FIRST, SECOND):
            zones.add(session, zone, "bind")
    with engine().connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SELECT count(*) FROM dns_requests"))
        yield


def accept(zone: str, number: int) -> None:
    with transaction() as session:
        session.execute(text(INSERT), {"zone": zone, "number": number})


def acquire(zone: str) -> leases.Lease:
    with transaction() as session:
        lease = leases.acquire(session, zone, "me", 60)
    assert lease is not None
    return lease


def claim_one(zone: str) -> None:
    lease = acquire(zone)
    with transaction() as session:
        lease = leases.check(session, lease, to_claim=True)
        [item] = queue.list_pending(session, zone, 1, lease.floor).items
        queue.claim(session, lease, [item.id], uuid7(), queue.Line("one of many", "in a run"))
        leases.release(session, lease)


@contextmanager
def few_visits(limit: int = 50) -> Iterator[Session]:
    """A transaction that may visit some entries of the index of open requests, dead ones included."""
    visited, index = text(VISITED), {"index": "ix_dns_requests_open"}
    with transaction() as session:
        before = session.scalar(visited, index) or 0
        yield session
        assert (session.scalar(visited, index) or 0) - before < limit


@pytest.mark.usefixtures("snapshot")
def test_what_was_settled_is_passed_over() -> None:
    accept(FIRST, SETTLED)
    claim_one(FIRST)
    with transaction() as session:
        session.execute(text(SETTLE), {"zone": FIRST})
    accept(FIRST, 2)
    accept(SECOND, 1)
    for _ in range(2):  # what is the floor after the next one, and what is the next one
        with transaction() as session:
            session.execute(text(LATER))
        claim_one(FIRST)
    with transaction() as session:
        session.execute(text(LONG_AGO))
    with few_visits() as session:
        assert due.list_zones(session) == [FIRST, SECOND]
        assert due.has_work(session, FIRST)
    with few_visits() as session:
        lease = leases.acquire(session, FIRST, "me", 60)
        assert lease is not None
        assert queue.list_pending(session, FIRST, 10, lease.floor).items == []
        assert len(queue.list_orphaned(session, lease)) == 1


@pytest.mark.usefixtures("snapshot")
def test_not_even_what_the_last_hold_has_settled_is_visited() -> None:
    accept(FIRST, 1_000)
    lease = acquire(FIRST)
    with transaction() as session:
        lease = leases.check(session, lease, to_claim=True)
        ids = [item.id for item in queue.list_pending(session, FIRST, 1_000, lease.floor).items]
        queue.claim(session, lease, ids, uuid7(), queue.Line("one of many", "in a run"))
    with transaction() as session:
        session.execute(text(SETTLE), {"zone": FIRST})
        assert leases.check(session, lease).floor < max_seq(session)
    with transaction() as session:
        leases.release(session, lease, all_settled=True)
    with few_visits(5) as session:
        assert due.list_zones(session) == []
        assert not due.has_work(session, FIRST)
        assert session.scalar(text("SELECT seq_floor FROM dns_zone_leases")) == max_seq(session) + 1


def max_seq(session: Session) -> int:
    return int(session.scalar(text("SELECT max(seq) FROM dns_requests")) or 0)


@pytest.mark.thorough
@pytest.mark.usefixtures("snapshot")
def test_a_sweep_goes_past_no_versions_of_leases() -> None:
    accept(FIRST, 1)
    accept(SECOND, 1)
    for zone in (SECOND, FIRST):
        with transaction() as session:
            assert leases.acquire(session, zone, "me", 60) is not None
    change = text("UPDATE dns_zone_leases SET holder = repeat('x', 500) WHERE zone = :zone")
    for _ in range(300):
        with transaction() as session:
            session.execute(change, {"zone": FIRST})
    with transaction() as session:
        session.execute(
            text("UPDATE dns_zone_leases SET expires_at = now() WHERE zone = :zone"), {"zone": FIRST}
        )
    with transaction() as session:
        assert due.list_zones(session) == [FIRST]
        read = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'dns_zone_leases'"
        assert session.scalar(text(read)) == 0


NO_PLACE_BEFORE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        ASSERT pg_current_xact_id_if_assigned() IS NOT NULL, 'it has a place, and its transaction no number';
        RETURN new;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON dns_requests FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.usefixtures("snapshot")
def test_who_gets_a_place_in_the_queue_has_the_number_of_his_transaction() -> None:
    """Otherwise the floor could be above a request that a claim's snapshot knows nothing of."""
    with transaction() as session:
        session.execute(text(NO_PLACE_BEFORE))
    for several in ([body(FIRST, "one")], [body(FIRST, f"h{number}") for number in range(3)]):
        with statements() as session:
            changes = [read_change(RawChange(Action.CREATE, each)) for each in several]
            assert all(isinstance(each, Accepted) for each in submit(session, changes))


def floor() -> int:
    claim_one(FIRST)
    with transaction() as session:
        return int(session.scalar(text("SELECT seq_floor FROM dns_zone_leases")) or 0)


@pytest.mark.usefixtures("snapshot")
def test_the_floor_follows_at_once_but_for_who_is_still_writing() -> None:
    accept(FIRST, 3)
    claim_one(FIRST)  # notes the first one as the next floor
    with transaction() as late:
        late.execute(text(INSERT), {"zone": FIRST, "number": 1})
        with transaction() as session:
            session.execute(text(SETTLE), {"zone": FIRST})
        accept(FIRST, 10)
        first = floor()  # who writes now has begun later
        assert floor() == first
    reached = floor()  # the late one has been seen, and claimed
    assert reached > first
    with transaction() as session:
        oldest = session.scalar(text("SELECT min(seq) FROM dns_requests WHERE finished_at IS NULL"))
    assert reached <= oldest
    assert floor() == oldest


@pytest.mark.usefixtures("snapshot")
def test_an_idle_zone_and_a_request_that_was_opened_again() -> None:
    accept(FIRST, 1_000)
    claim_one(FIRST)
    with transaction() as session:
        session.execute(text(SETTLE), {"zone": FIRST})
        last = session.scalar(text("SELECT max(seq) FROM dns_requests"))
        session.execute(
            text("UPDATE dns_zone_leases SET claimed_to = :last, expires_at = now() - interval '1 hour'"),
            {"last": last},
        )
        upkeep.mend_floors(session)
        assert session.scalar(text("SELECT seq_floor FROM dns_zone_leases")) == last + 1
        reopen = (
            "UPDATE dns_requests SET status = 'pending', verified_at = NULL, finished_at = NULL"
            " WHERE seq = (SELECT min(seq) FROM dns_requests)"
        )
        session.execute(text(reopen))
        assert due.list_zones(session) == []
        upkeep.mend_floors(session)
        assert due.list_zones(session) == [FIRST]

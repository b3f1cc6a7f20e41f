"""No request ends below the floor of its zone's queue, and none is passed by a later one, whoever is slow."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction
from app.core.partitioning import id_at
from app.services.drain.candidates import list_candidates
from app.store import due, leases, open_floor, queue, requests, zones
from app.store.leases import Lease

ZONE = "a.test"
INSERT = text(
    """
    INSERT INTO dns_requests
        (id, action, account_id, source, via, resource, zone, name, record_type, ttl, rdata)
    VALUES (:id, 'upsert', 'team-a', 'api', 'api', '{}', :zone, 'www.a.test', 'A', 300, '{192.0.2.1}')
    """
)
SETTLE = text(
    """
    UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now()
     WHERE status = 'running'
    """
)
FAIL = text(
    """
    UPDATE dns_requests SET status = 'failed', error_code = 'refused', finished_at = now() WHERE id = :id
    """
)


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database with a floor of open work, which the emptied one does not have."""
    return copied_database


@pytest.fixture
def lease(app_settings: Settings) -> Lease:
    """The lease of a zone without requests."""
    with transaction() as session:
        zones.add(session, ZONE, "bind")
    with transaction() as session:
        acquired = leases.acquire(session, ZONE, "me", 60)
    assert acquired is not None
    return acquired


def accept(session: Session, request_id: UUID | None = None) -> None:
    session.execute(INSERT, {"id": request_id or uuid7(), "zone": ZONE})


def claim(session: Session, lease: Lease) -> Sequence[UUID]:
    """Claim what is found behind the floor of a lease that was checked; return it in its order."""
    ids = [item.id for item in list_candidates(session, lease, 10)]
    queue.claim(session, lease, ids, uuid7(), queue.Line("one of many", "in a run"))
    return ids


def drain(lease: Lease) -> Sequence[UUID]:
    """Claim and settle what there is, and release the lease."""
    with transaction() as session:
        claimed = claim(session, leases.check(session, lease, to_claim=True))
    with transaction() as session:
        leases.check(session, lease)
        session.execute(SETTLE)
    with transaction() as session:
        leases.release(session, lease, all_settled=True)
    return claimed


def test_who_has_a_later_number_and_an_earlier_place_is_waited_for(lease: Lease) -> None:
    """His number is behind the end of the claim's snapshot: nobody who came after him has ended."""
    with transaction() as late:
        with transaction() as early:
            early.execute(text("SELECT pg_current_xact_id()"))
            accept(late)
            accept(early)
        assert len(drain(lease)) == 1
    with transaction() as session:
        assert due.list_zones(session) == [ZONE]


def test_what_is_opened_again_is_found_though_it_is_older_than_the_floor_that_is_known(lease: Lease) -> None:
    now = datetime.now(UTC)
    old = [id_at(now - timedelta(days=days)) for days in (50, 40)]
    with transaction() as session:
        for each in old:
            accept(session, each)
            session.execute(FAIL, {"id": each})
        session.execute(text("UPDATE dns_open_floor SET floor = :floor"), {"floor": id_at(now)})
        assert open_floor.read(session) == id_at(now)  # a second long
    younger, newest = uuid7(), uuid7()

    def open_again(request_id: UUID, later: UUID) -> None:
        """Open an old request, and accept one that comes after it."""
        with transaction() as session:
            assert requests.retry(session, [request_id], wait=True)
        with transaction() as session:
            accept(session, later)

    open_again(old[1], younger)
    with transaction() as session:
        checked = leases.check(session, lease, to_claim=True)
        assert [item.id for item in queue.list_pending(session, ZONE, 10).items] == [old[1], younger]
        open_again(old[0], newest)
        assert claim(session, checked) == []  # rather than the later ones
    assert drain(lease) == [old[1], younger, old[0], newest]


def test_a_claim_that_reads_several_times_takes_nothing_that_came_after_what_it_has_missed(
    lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "READ_AT_ONCE", 2)
    with transaction() as late, transaction() as session:
        accept(late)
        with transaction() as other:
            for _ in range(3):
                accept(other)
        checked = leases.check(session, lease, to_claim=True)
        statements = iter(range(9))

        def accept_one_after_the_late_one(_: object) -> None:
            if next(statements) == 1:
                late.commit()
                with transaction() as other:
                    accept(other)

        event.listen(session, "do_orm_execute", accept_one_after_the_late_one)
        assert len(list_candidates(session, checked, 10)) == 3
    assert len(drain(lease)) == 5


def test_what_a_claim_that_reads_once_finds_is_taken_wherever_it_stands(lease: Lease) -> None:
    """A copy of a database may have requests whose places its sequence has not given out."""
    with transaction() as session:
        accept(session)
        session.execute(text("UPDATE dns_requests SET seq = 1000000"))
    assert len(drain(lease)) == 1

"""Claiming and settling cost what their rows cost, whatever the statistics say."""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import engine, statements, transaction, upgrade
from app.domain.change import Action
from app.domain.lifecycle import Status
from app.domain.settlement import Decision
from app.services.drain.candidates import list_candidates
from app.services.requests.draft import RawChange
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import due, leases, ptr, queue, records, zones
from app.store.queue import Item
from app.store.records import AnsweredRRset
from tests.support.builders import body
from tests.support.faults import TIMING
from tests.support.partitions import NO_AUTOVACUUM
from tests.support.thoroughly import thoroughly

NUMBER = 100
# Each request again, for other names: faster than to submit them.
MULTIPLY = """
    INSERT INTO dns_requests
        (id, action, account_id, source, via, resource, zone, name, record_type, ttl, rdata)
    SELECT gen_random_uuid(), action, account_id, source, via, resource, zone, number || '.' || name,
           record_type, ttl, rdata
      FROM dns_requests, generate_series(1, :times) AS number
"""


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test, since some alter the tables."""
    return copied_database


SETTLE_ALL = "UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now()"


@pytest.fixture
def zone(app_settings: Settings, new_zone: str) -> Iterator[str]:
    """The name of a served zone."""
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    yield new_zone
    engine("statements").dispose()


def accept(zone: str, times: int = 0) -> None:
    """Store requests for the zone: NUMBER of them, and each so many times again."""
    changes = [RawChange(Action.CREATE, body(zone, f"h{number}")) for number in range(NUMBER)]
    with statements() as session:
        submit(session, [read_change(change) for change in changes])
        if times:
            session.execute(text(MULTIPLY), {"times": times})


def acquire(session: Session, zone: str) -> leases.Lease:
    lease = leases.acquire(session, zone, "me", 60)
    assert lease is not None
    return lease


class Work(NamedTuple):
    """Rows of the tables that a transaction has looked at."""

    scanned: int  # one after the other
    fetched: int  # by an index


def work(session: Session) -> Work:
    counted = """
        SELECT sum(seq_tup_read), sum(idx_tup_fetch) FROM pg_stat_xact_user_tables
         WHERE relname LIKE 'dns_request%' OR relname = 'dns_records'
    """
    return Work(*(int(number) for number in session.execute(text(counted)).one()))


def analyze_when_empty(zone: str) -> None:
    """The statistics say that there is nothing."""
    with statements() as session:
        session.execute(text("ANALYZE"))


def analyze_when_idle(zone: str) -> None:
    """The statistics say that everything is settled."""
    accept(zone, 20)
    with statements() as session:
        session.execute(text(SETTLE_ALL))
        session.execute(
            text("VACUUM ANALYZE dns_requests, dns_request_events, dns_records, dns_zones, dns_zone_leases")
        )


def analyze_when_emptied(zone: str) -> None:
    """The statistics say that there are many pages and no rows in them."""
    accept(zone, 20)
    with statements() as session:
        session.execute(text("DELETE FROM dns_requests"))
        session.execute(text("ANALYZE"))


CALM = [analyze_when_empty, analyze_when_idle, analyze_when_emptied]


@pytest.mark.parametrize(
    ("calm", "batch"),
    [
        (analyze_when_empty, 1),
        (analyze_when_emptied, 3_000),
        *(thoroughly(calm, 300) for calm in CALM),
        *(thoroughly(calm, 3_000) for calm in (analyze_when_empty, analyze_when_idle)),
        *(thoroughly(calm, 6_000) for calm in CALM),
        thoroughly(analyze_when_idle, 1),
        thoroughly(analyze_when_emptied, 1),
    ],
)
def test_a_burst_after_a_calm_time_costs_what_its_rows_cost(
    zone: str, calm: Callable[[str], None], batch: int
) -> None:
    with statements() as session:
        session.execute(text(NO_AUTOVACUUM))
    calm(zone)
    accept(zone, max(batch, 2_000) // NUMBER)
    for _ in range(13):  # the driver prepares statements, then PostgreSQL makes one plan for all
        with transaction() as session:
            before = work(session)
            lease = acquire(session, zone)
            leases.check(session, lease, to_claim=True)
            items = queue.list_pending(session, zone, batch).items
            queue.list_verifying(session, zone, [item.change.name for item in items], 60)
            claimed = queue.claim(
                session, lease, [item.id for item in items], uuid7(), queue.Line("one of many", "in a run")
            )
            assert work(session).scanned == before.scanned
            assert work(session).fetched - before.fetched <= 3 * batch + NUMBER
        settle(lease, items, claimed)
        with transaction() as session:
            leases.release(session, lease)
            if batch > 3 * NUMBER:
                break


def settle(lease: leases.Lease, items: list[Item], claimed: set[UUID]) -> None:
    succeeded = Decision(Status.SUCCEEDED, "answered", "answered")
    with transaction() as session:
        before = work(session)
        leases.check(session, lease)
        assert len(queue.settle(session, dict.fromkeys(claimed, succeeded), TIMING)) == len(items)
        records.put(session, [answered(item, rdata) for item in items for rdata in [()]])
        assert work(session).scanned == before.scanned
        assert work(session).fetched - before.fetched <= 5 * len(items) + NUMBER


def answered(item: Item, rdata: tuple[str, ...]) -> AnsweredRRset:
    change = item.change
    return AnsweredRRset(
        change.zone, change.name, change.type, change.ttl, rdata, item.account_id, item.id, None
    )


@pytest.mark.parametrize("calm", [analyze_when_empty, *map(thoroughly, CALM[1:])])
def test_to_look_for_other_accounts_behind_a_crowd_costs_what_they_have(
    zone: str, calm: Callable[[str], None]
) -> None:
    with statements() as session:
        session.execute(text(NO_AUTOVACUUM))
    calm(zone)
    accept(zone, 20)
    others = [
        RawChange(Action.CREATE, body(zone, f"x{number}", account=f"other-{number}")) for number in (1, 2)
    ]
    with statements() as session:
        submit(session, [read_change(change) for change in others])
    for _ in range(13):
        with transaction() as session:
            before = work(session)
            lease = acquire(session, zone)
            leases.check(session, lease, to_claim=True)
            found = list_candidates(session, lease, NUMBER)
            assert len(found) == NUMBER + len(others)
            assert work(session).scanned == before.scanned
            assert work(session).fetched - before.fetched <= 3 * NUMBER
            leases.release(session, lease)


@pytest.mark.parametrize("calm", [*map(thoroughly, CALM[:2]), analyze_when_emptied])
def test_a_look_for_work_is_in_the_order_of_the_queue(zone: str, calm: Callable[[str], None]) -> None:
    """Another index would lead it past all that is open, or that an old snapshot keeps."""
    with statements() as session:
        session.execute(text(NO_AUTOVACUUM))
    calm(zone)
    accept(zone, 20)
    for _ in range(13):
        with transaction() as session:
            before = work(session)
            assert due.list_zones(session) == [zone]
            assert due.has_work(session, zone)
            assert len(queue.list_pending(session, zone, 1).items) == 1
            assert work(session).scanned == before.scanned
            # each reads a row of both partitions, and so does the planner, to know where the index ends
            assert work(session).fetched - before.fetched <= 3 * 2 * 2


def test_only_the_first_claim_looks_for_what_was_left_running(zone: str) -> None:
    accept(zone, 10)
    with transaction() as session:
        first = acquire(session, zone)
        ids = [item.id for item in queue.list_pending(session, zone, NUMBER).items]
        queue.claim(session, first, ids, uuid7(), queue.Line("one of many", "in a run"))
        leases.release(session, first)
    with transaction() as session:
        second = acquire(session, zone)
        assert {item.id for item in queue.list_orphaned(session, second)} == set(ids)
        assert work(session).fetched <= 3 * NUMBER


@pytest.mark.parametrize("analyzed", [False, thoroughly(True)])
def test_whether_names_have_ptrs_is_looked_up(zone: str, analyzed: bool) -> None:
    """It costs the names, and not the table; one look-up where there are none."""
    names = [f"h{number}.{zone}" for number in range(NUMBER)]
    accept(zone, times=20)
    if analyzed:
        with statements() as session:
            session.execute(text("ANALYZE"))
    with transaction() as session:
        assert ptr.with_ptrs(session, names) == set()
        assert work(session).scanned == 0
    made = "UPDATE dns_requests SET ptr_of = id, rdata = ARRAY[name || '.'] WHERE name LIKE :name"
    with transaction() as session:
        session.execute(text(made), {"name": f"h1%.{zone}"})
    with transaction() as session:
        found = ptr.with_ptrs(session, names)
        assert found == {name for name in names if name.startswith("h1")}
        assert work(session).scanned == 0
        assert work(session).fetched <= 2 * NUMBER

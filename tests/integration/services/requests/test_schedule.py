"""Scheduled requests: queued when they are due, once, in order, and in nobody's way until then."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import engine, statements, transaction, upgrade
from app.core.redis import redis
from app.domain.change import Action
from app.services.kicks import KICKED
from app.services.requests.draft import RawChange
from app.services.requests.schedule import queue_due
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import backlog, due, leases, queue, schedule, upkeep, zones
from app.store.models import SCHEDULED_FROM
from tests.support.builders import body, time_after
from tests.support.partitions import NO_AUTOVACUUM
from tests.support.thoroughly import thoroughly

MULTIPLY = """
    INSERT INTO dns_requests
        (id, seq, action, status, account_id, source, via, resource, zone, name, record_type, ttl, rdata,
         not_before)
    SELECT uuidv7(), seq + number, action, status, account_id, source, via, resource, zone,
           number || '.' || name, record_type, ttl, rdata, not_before
      FROM dns_requests, generate_series(1, :times) AS number
     WHERE status = 'scheduled'
"""


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test, since some alter the tables."""
    return copied_database


@pytest.fixture
def zone(app_settings: Settings, new_zone: str) -> Iterator[str]:
    """The name of a served zone."""
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    yield new_zone
    engine("statements").dispose()


def accept(zone: str, *asked: tuple[str, str | None]) -> None:
    """Store requests for these owner names, each with its time, in one statement."""
    changes = [RawChange(Action.UPSERT, body(zone, owner, not_before=time)) for owner, time in asked]
    with statements() as session:
        results = submit(session, [read_change(change) for change in changes])
    assert {type(result) for result in results} == {Accepted}


def in_queue(zone: str) -> list[str]:
    """The owner names that are pending in the zone, the next one first."""
    with transaction() as session:
        return [item.change.name.split(".")[0] for item in queue.list_pending(session, zone, 10_000).items]


def let_pass(zone: str, seconds: float) -> None:
    """As if the time had passed for what is scheduled."""
    passed = text("UPDATE dns_requests SET not_before = not_before - make_interval(secs => :seconds)")
    with transaction() as session:
        session.execute(passed, {"seconds": seconds})


def test_a_request_is_queued_when_it_is_due(zone: str) -> None:
    redis().delete(KICKED.format(zone=zone))
    accept(zone, ("www", time_after(0.5)))
    assert 0 < queue_due() <= 0.5
    assert in_queue(zone) == []
    assert not redis().exists(KICKED.format(zone=zone))
    let_pass(zone, 0.5)
    queue_due()
    assert in_queue(zone) == ["www"]
    assert redis().exists(KICKED.format(zone=zone))


def test_what_is_due_stands_behind_what_was_accepted_before_in_the_order_of_the_times(zone: str) -> None:
    same = time_after(60)
    accept(
        zone,
        ("third", same),
        ("fourth", same),
        ("second", time_after(59)),
        ("first", None),
        ("late", time_after(99)),
    )
    accept(zone, ("fifth", same), ("before", time_after(-60)))
    assert in_queue(zone) == ["first", "before"]
    let_pass(zone, 61)
    queue_due()
    accept(zone, ("last", None))
    assert in_queue(zone) == ["first", "before", "second", "third", "fourth", "fifth", "last"]


def test_each_is_queued_once_and_in_order_however_many_processes_do_it(zone: str) -> None:
    time = time_after(60)
    accept(zone, *((f"h{number}", time) for number in range(1_200)))
    let_pass(zone, 61)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(12):
            threads.submit(queue_due)
    queue_due()
    assert in_queue(zone) == [f"h{number}" for number in range(1_200)]
    with transaction() as session:
        events = session.scalars(text("SELECT message FROM dns_request_events WHERE status = 'pending'"))
        assert Counter(events) == {"due: behind what is waiting already": 1_200}


def test_one_that_is_being_cancelled_keeps_nobody_waiting(zone: str) -> None:
    accept(zone, ("cancelled", time_after(60)), ("www", time_after(60)))
    let_pass(zone, 61)
    with transaction() as session:
        session.execute(text("SELECT FROM dns_requests ORDER BY seq LIMIT 1 FOR UPDATE"))
        queue_due()
        assert in_queue(zone) == ["www"]
    queue_due()
    assert in_queue(zone) == ["www", "cancelled"]


def fetched(session: Session) -> int:
    """How many rows of requests the transaction has looked at."""
    counted = """
        SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables
         WHERE relname LIKE 'dns_requests%'
    """
    return int(session.execute(text(counted)).scalar_one())


@pytest.fixture
def crowded(zone: str) -> str:
    """A zone with 20,000 requests that are scheduled for tomorrow."""
    with statements() as session:
        session.execute(text(NO_AUTOVACUUM))
    accept(zone, *((f"h{number}", time_after(86_400)) for number in range(100)))
    with statements() as session:
        session.execute(text(MULTIPLY), {"times": 199})
    return zone


@pytest.mark.parametrize("analyzed", [thoroughly(True), False])
def test_what_is_scheduled_is_in_nobody_s_way(crowded: str, analyzed: bool) -> None:
    if analyzed:
        with statements() as session:
            session.execute(text("VACUUM ANALYZE dns_requests"))
    accept(crowded, ("www", None))
    for _ in range(8):  # the driver prepares statements, then PostgreSQL makes one plan for all
        with transaction() as session:
            assert due.has_work(session, crowded)
            assert due.list_zones(session) == [crowded]
            lease = leases.acquire(session, crowded, "me", 60)
            assert lease is not None
            leases.check(session, lease, to_claim=True)
            [item] = queue.list_pending(session, crowded, 10_000).items
            assert queue.claim(session, lease, [item.id], uuid7(), queue.Line("one of 1", "in a run")) == {
                item.id
            }
            upkeep.mend_floors(session)
            assert fetched(session) < 100  # of 20,000; versions that were rolled back count, too
            session.rollback()


def test_a_zone_with_nothing_but_scheduled_requests_has_no_work_and_keeps_its_floor(crowded: str) -> None:
    accept(crowded, ("www", None))
    for _ in range(2):
        with transaction() as session:
            lease = leases.acquire(session, crowded, "me", 60)
            assert lease is not None
            ids = [item.id for item in queue.list_pending(session, crowded, 10).items]
            queue.claim(session, lease, ids, uuid7(), queue.Line("one of 1", "in a run"))
            leases.release(session, lease)
            session.execute(
                text(
                    "UPDATE dns_requests SET status = 'succeeded', verified_at = now(),"
                    " finished_at = now() WHERE status = 'running'"
                )
            )
            session.execute(text("UPDATE dns_zone_leases SET next_floor_at = now() - interval '2 minutes'"))
        with transaction() as session:
            assert not due.has_work(session, crowded)
            assert due.list_zones(session) == []
            floor = session.scalar(text("SELECT greatest(seq_floor, next_floor) FROM dns_zone_leases"))
            assert floor < SCHEDULED_FROM
        accept(crowded, ("again", None))
    assert in_queue(crowded) == ["again"]


def test_a_look_at_many_that_are_not_due_costs_nothing_and_a_few_that_are_what_they_cost(
    crowded: str,
) -> None:
    accept(crowded, *((f"d{number}", time_after(60)) for number in range(10)))
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET not_before = now() WHERE name LIKE 'd%'"))
    accept(crowded, ("www", None))
    for _ in range(8):
        with transaction() as session:
            assert (schedule.seconds_until_next(session) or 0) < 0
            assert schedule.queue_due(session).zones == [crowded]
            assert (schedule.seconds_until_next(session) or 0) > 80_000
            assert fetched(session) < 100
            session.rollback()
    queue_due()
    assert in_queue(crowded) == ["www", *(f"d{number}" for number in range(10))]


def test_they_are_counted_by_themselves(zone: str) -> None:
    accept(zone, ("www", None), ("a", time_after(60)), ("b", time_after(60)))
    with transaction() as session:
        count = backlog.count_open(session, 100)
    assert (count.by_account, count.scheduled) == ({"team-a": 1}, {"team-a": 2})

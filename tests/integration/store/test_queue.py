"""What claiming and settling requests costs the database, and what it writes into their logs."""

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import statements, transaction, upgrade
from app.domain.change import Action
from app.domain.lifecycle import Status
from app.domain.settlement import Decision
from app.services.requests.draft import RawChange
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import leases, queue, requests, zones
from app.store.leases import Lease
from tests.support.builders import body
from tests.support.faults import TIMING

NUMBER = 100


def test_claiming_changes_no_index(app_settings: Settings, new_zone: str) -> None:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    changes = [RawChange(Action.CREATE, body(new_zone, f"h{number}")) for number in range(NUMBER)]
    with statements() as session:
        submit(session, [read_change(change) for change in changes])
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "me", 60)
        assert lease is not None
        ids = [item.id for item in queue.list_pending(session, new_zone, NUMBER).items]
        assert len(queue.claim(session, lease, ids, uuid7(), queue.Line("one of many", "in a run"))) == NUMBER
        heap_only = text(
            "SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'dns_requests_first'"
        )
        # Where a page is full, its last change gets another page, and so another entry in each index.
        assert session.execute(heap_only).scalar_one() >= 0.9 * NUMBER


@pytest.fixture
def lease(app_settings: Settings, new_zone: str) -> Lease:
    """The lease of a zone that has one request."""
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    with statements() as session:
        submit(session, [read_change(RawChange(Action.CREATE, body(new_zone)))])
    with transaction() as session:
        acquired = leases.acquire(session, new_zone, "me", 60)
    assert acquired is not None
    return acquired


def settle_next(lease: Lease, status: Status, message: str) -> bool:
    """Claim the zone's request if it is pending, and settle it; return whether that was news."""
    with transaction() as session:
        if pending := queue.list_pending(session, lease.zone, 1).items:
            queue.claim(session, lease, [pending[0].id], uuid7(), queue.Line("one of 1 in a run", "in a run"))
    with transaction() as session:
        request_id = session.scalar(text("SELECT id FROM dns_requests WHERE finished_at IS NULL"))
        decision = Decision(status, message, "told", "refused" if status is Status.FAILED else None)
        [news] = queue.settle(session, {request_id: decision}, TIMING).values()
    return news


def log_of(zone: str) -> list[tuple[str, str]]:
    with transaction() as session:
        request_id = session.scalar(text("SELECT id FROM dns_requests WHERE zone = :zone"), {"zone": zone})
        return [
            (str(event.status), event.message or "")
            for event in requests.log_lines(session, request_id, 99, None, in_full=True)[::-1]
        ]


def test_rounds_of_verification_write_what_is_new(lease: Lease) -> None:
    words = ["a: stale; b: stale"] * 10 + ["b: stale"] * 10
    news = [settle_next(lease, Status.VERIFYING, message) for message in words]
    assert news == [True, *[False] * 9] * 2
    assert settle_next(lease, Status.FAILED, "b: stale")  # the same words, another status
    assert log_of(lease.zone) == [
        ("pending", "accepted"),
        ("running", "one of 1 in a run"),
        ("verifying", "a: stale; b: stale"),
        ("verifying", "b: stale"),
        ("failed", "b: stale"),
    ]


def test_the_pauses_between_rounds_grow_until_the_deadline(lease: Lease) -> None:
    rounds, passed = 0, 0.0
    next_check = text("SELECT extract(epoch FROM check_at - clock_timestamp()) FROM dns_requests")
    later = text(
        "UPDATE dns_requests SET verify_by = verify_by - make_interval(secs => :passed),"
        " started_at = started_at - make_interval(secs => :passed)"
    )
    while passed < 59.9:
        settle_next(lease, Status.VERIFYING, "stale")
        with transaction() as session:
            pause = float(session.scalar(next_check) or 0)
            session.execute(later, {"passed": pause})
        rounds, passed = rounds + 1, passed + pause
    assert passed == pytest.approx(60, abs=1.2)
    assert 10 < rounds < 20


def test_tries_of_an_unavailable_backend_leave_few_events(lease: Lease) -> None:
    news = [settle_next(lease, Status.PENDING, "connection refused") for _ in range(20)]
    assert [number for number, new in enumerate(news, 1) if new] == [1]
    assert settle_next(lease, Status.PENDING, "the key is refused")
    assert settle_next(lease, Status.SUCCEEDED, "answered")
    log = log_of(lease.zone)
    assert len(log) == 1 + 2 * (1 + 1 + 1)
    assert log[-4:] == [
        ("running", "one of 1 in a run, attempt 21"),
        ("pending", "the key is refused"),
        ("running", "one of 1 in a run, attempt 22"),
        ("succeeded", "answered"),
    ]


def test_a_run_is_bounded_in_bytes(
    app_settings: Settings, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_RUN_OCTETS", 100_000)
    monkeypatch.setattr(queue, "READ_AT_ONCE", 3)
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    large = {"record_type": "TXT", "target": "x" * 30_000}
    bodies = [body(new_zone, f"h{number}") for number in range(10)]
    bodies += [body(new_zone, f"l{number}", **large) for number in range(10)]
    with statements() as session:
        submit(session, [read_change(RawChange(Action.CREATE, each)) for each in bodies])
    with transaction() as session:
        names = [item.change.name for item in queue.list_pending(session, new_zone, 100).items]
        assert len(queue.list_pending(session, new_zone, 4).items) == 4
    assert names == [each["resource"]["domain"] for each in bodies[:15]]

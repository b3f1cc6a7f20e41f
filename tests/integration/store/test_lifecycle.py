"""The store's statements make exactly the changes of status that the table of transitions allows."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.domain.change import NOTHING, Action, Via
from app.domain.lifecycle import FINAL, INITIAL, OPEN, TRANSITIONS, Status, predecessors
from app.domain.rdata import RecordType
from app.domain.settlement import Decision
from app.store import leases, queue, requests, restored, reviews, schedule, zones
from app.store.models import SCHEDULED_FROM, UNAPPROVED_FROM
from app.store.requests import NewRequest
from app.store.reviews import Approved
from tests.support.faults import TIMING

ALLOWED = {(before, after) for before, successors in TRANSITIONS.items() for after in successors}
PUT = text(
    """
    UPDATE dns_requests
       SET status = :status, finished_at = CASE WHEN :finished THEN now() END,
           error_code = CASE WHEN :failed THEN 'refused' END,
           verified_at = CASE WHEN :succeeded THEN now() END, not_before = :not_before,
           seq = seq % :scheduled_from + CASE WHEN :scheduled THEN :scheduled_from
                                              WHEN :unapproved THEN :unapproved_from ELSE 0 END,
           review_id = CASE WHEN :unapproved THEN id END
     WHERE id = :id
    """
)
OWNED = """
    WITH closed AS (UPDATE dns_zones SET settings = '{"others": "deny"}')
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, owner, request_id)
    SELECT zone, name, record_type, ttl, rdata, 'another', 'another', id FROM dns_requests WHERE id = :id
"""
APPROVED = """
    INSERT INTO dns_reviews (id, zones, why, principal, roles, asks_as, expires_at, verdict, decided_at)
    VALUES (:id, '{}', '', '', '{}', '{}', now(), 'approved', now())
"""
HOUR = timedelta(hours=1)


@pytest.fixture
def zone(app_settings: Settings, new_zone: str) -> str:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    return new_zone


def new_request(
    session: Session, zone: str, status: Status = INITIAL, not_before: datetime | None = None
) -> UUID:
    request = NewRequest(
        id=uuid7(),
        action=Action.CREATE,
        account_id="tests",
        source="api",
        via=Via.API,
        resource={},
        zone=zone,
        name=f"www.{zone}",
        record_type=RecordType.A,
        ttl=300,
        rdata=["192.0.2.1"],
        idempotency_key=None,
    )
    requests.insert(session, [request])
    words = {
        "id": request.id,
        "status": status,
        "finished": status in FINAL,
        "failed": status in (Status.FAILED, Status.REJECTED),
        "succeeded": status is Status.SUCCEEDED,
        "scheduled": status is Status.SCHEDULED,
        "scheduled_from": SCHEDULED_FROM,
        "unapproved": status in (Status.AWAITING_APPROVAL, Status.REJECTED),
        "unapproved_from": UNAPPROVED_FROM,
        "not_before": datetime.now(UTC) - HOUR if status is Status.SCHEDULED else not_before,
    }
    session.execute(PUT, words)
    if status is Status.AWAITING_APPROVAL:
        session.execute(text(APPROVED), {"id": request.id})
    return request.id


def change(session: Session, lease: leases.Lease, request_id: UUID, after: Status) -> None:
    """Try every statement that could give the request this status."""
    if after is Status.CANCELLED:
        requests.cancel(session, [request_id], wait=True)
        requests.cancel(session, [request_id], wait=False)
        requests.cancel_in_zone(session, lease.zone, 10)
    if after is Status.PENDING:
        schedule.queue_due(session)
    if after is Status.FAILED:
        session.execute(text(OWNED), {"id": request_id})
        schedule.queue_due(session)
        session.execute(text("DELETE FROM dns_records"))
    if after is Status.REJECTED:
        reviews.reject(session, request_id, "rejected", "no")
    if after is Status.AWAITING_APPROVAL:
        requests.retry(session, [request_id], wait=True, to_review=[request_id])
    if after in (Status.PENDING, Status.SCHEDULED):
        reviews.approve(session, [Approved(request_id, NOTHING.as_json())], "yes")
        requests.retry(session, [request_id], wait=True)
        requests.retry(session, [request_id], wait=False)
    if after is Status.RUNNING:
        queue.claim(session, lease, [request_id], uuid7(), queue.Line("claimed", "in a run"))
    code = "refused" if after is Status.FAILED else None
    queue.settle(session, {request_id: Decision(after, "settled", "told", code)}, TIMING)


def test_every_allowed_change_is_made_and_no_other(zone: str) -> None:
    made = set()
    with transaction() as session:
        lease = leases.acquire(session, zone, "tests", 60)
        assert lease is not None
        for before, after in product(Status, Status):
            later = datetime.now(UTC) + HOUR if after is Status.SCHEDULED else None
            request_id = new_request(session, zone, before, later)
            change(session, lease, request_id, after)
            if after is Status.FAILED:
                restored.put_aside(session, "restored", "it was {status}", "put aside")
            *events, _ = requests.log_lines(
                session, request_id, 9, None, in_full=True
            )  # the oldest is its acceptance
            if events:
                found = requests.get(session, request_id)
                assert found is not None
                assert [event.status for event in events] == [found.status] == [after]
                made.add((before, after))
    assert made == ALLOWED


def test_a_new_request_has_the_initial_status_and_an_event_that_says_so(zone: str) -> None:
    with transaction() as session:
        request_id = new_request(session, zone)
        [event] = requests.log_lines(session, request_id, 99, None, in_full=True)[::-1]
        assert event.status == INITIAL


@pytest.mark.parametrize("status", Status)
def test_the_table_knows_which_statuses_are_open(zone: str, status: Status) -> None:
    wrong = text("UPDATE dns_requests SET finished_at = CASE WHEN :open THEN now() END WHERE id = :id")
    with transaction() as session:
        request_id = new_request(session, zone, status)
        parameters = {"id": request_id, "open": status in OPEN}
        with (
            pytest.raises(IntegrityError, match=r"ck_dns_requests_(open|cancelled|awaiting)"),
            session.begin_nested(),
        ):
            session.execute(wrong, parameters)


def test_every_status_can_be_reached_and_none_is_both_open_and_final() -> None:
    assert set(OPEN) | set(FINAL) == set(Status)
    assert not set(OPEN) & set(FINAL)
    assert all(predecessors(status) or status is INITIAL for status in Status)


def test_a_decision_on_a_request_that_was_changed_by_hand_is_not_written(zone: str) -> None:
    with transaction() as session:
        running, cancelled = (
            new_request(session, zone, status) for status in (Status.RUNNING, Status.CANCELLED)
        )
        succeeded = Decision(Status.SUCCEEDED, "answered", "answered")
        settled = queue.settle(session, {running: succeeded, cancelled: succeeded}, TIMING)
        assert settled.keys() == {running}

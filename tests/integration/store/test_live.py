"""What those who follow a request's log cost: what is new, however long it is."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import live, runs

LIMIT = 10
LINES = """
    INSERT INTO ansible_run_events (run_id, at, message, told, request_id)
    SELECT :run, now(), 'said', CASE WHEN :told THEN 'told' END, :request FROM generate_series(1, :number)
"""
OWN_LINES = """
    INSERT INTO dns_request_events (request_id, run_id, status, message)
    SELECT :request, CASE number WHEN :number THEN CAST(:run AS uuid) END, 'running', 'said'
      FROM generate_series(1, :number) AS number
"""


@pytest.fixture
def session(app_settings: Settings) -> Iterator[Session]:
    upgrade()
    with transaction() as opened:
        yield opened
        opened.rollback()  # statistics that other tests would be measured with


@pytest.fixture
def followed(session: Session) -> tuple[UUID, UUID]:
    """A request and its run."""
    request_id, run_id = uuid7(), uuid7()
    columns = (
        "(id, run_id, status, action, account_id, source, via, resource, zone, name, record_type, ttl, rdata)"
    )
    words = "(:id, :run, 'running', 'create', 'team-a', 'api', 'api', '{}', 'e.test', 'e.test', 'A', 1, '{}')"
    session.execute(
        text(f"INSERT INTO dns_requests {columns} VALUES {words}"), {"id": request_id, "run": run_id}
    )
    runs.start(session, run_id, "e.test", "bind", [request_id])
    session.execute(text(OWN_LINES), {"request": request_id, "run": run_id, "number": 1})
    return request_id, run_id


def say(session: Session, run_id: UUID, number: int, about: UUID | None, *, told: bool = True) -> None:
    session.execute(text(LINES), {"run": run_id, "request": about, "number": number, "told": told})


def looked_at(session: Session) -> int:
    """Rows of the logs that the transaction has looked at."""
    counted = """
        SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
         WHERE relname LIKE 'ansible_run_events%' OR relname LIKE 'dns_request_events%'
    """
    return int(session.scalar(text(counted)) or 0)


def test_a_look_costs_what_is_new_however_long_the_log_is(
    session: Session, followed: tuple[UUID, UUID]
) -> None:
    request_id, run_id = followed
    say(session, run_id, 3_000, None)
    session.execute(text(OWN_LINES), {"request": request_id, "run": run_id, "number": 1_000})
    session.execute(text("ANALYZE dns_request_events, ansible_run_events"))
    before = looked_at(session)
    for _ in range(13):  # the driver prepares statements, then PostgreSQL makes one plan for all
        end = live.log_ends(session, [request_id])[request_id]
        assert end.own is not None
        assert end.of_run is not None
        assert live.new_log_lines(session, request_id, LIMIT, end.own, end.of_run, in_full=False) == []
        assert len(live.new_log_lines(session, request_id, LIMIT, 0, 0, in_full=False)) == 2 * LIMIT
    assert looked_at(session) - before < 13 * 500


def test_lines_for_others_are_passed_over_once(session: Session, followed: tuple[UUID, UUID]) -> None:
    request_id, run_id = followed
    say(session, run_id, 25, uuid7())
    say(session, run_id, 5, None, told=False)
    say(session, run_id, 1, request_id)
    shown, mark, looks = list[str | None](), 0, 0
    while found := live.new_log_lines(session, request_id, LIMIT, 1, mark, in_full=False):
        shown += [line.message for line in found if line.is_shown]
        assert all(line.message == "" for line in found if not line.is_shown)
        mark, looks = found[-1].id, looks + 1
    assert (shown, looks) == (["told"], 4)


def test_every_change_is_seen(session: Session, followed: tuple[UUID, UUID]) -> None:
    request_id, run_id = followed
    ends = [live.log_ends(session, [request_id])]
    changes: list[Callable[[], object]] = [
        lambda: say(session, run_id, 1, None),
        lambda: session.execute(text(OWN_LINES), {"request": request_id, "run": run_id, "number": 1}),
        lambda: session.execute(text("UPDATE dns_requests SET status = 'verifying'")),
        lambda: session.execute(text("UPDATE dns_requests SET run_id = :run"), {"run": uuid7()}),
    ]
    for change in changes:
        change()
        ends.append(live.log_ends(session, [request_id]))
    assert all(one != other for one, other in pairwise(ends))
    assert live.log_ends(session, [uuid7()]) == live.log_ends(session, []) == {}

"""The figures: what they say, and that to read them costs the same however many requests there are."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.database import reading, statements
from app.store import stats
from app.store.request_lists import id_at
from tests.support.thoroughly import thoroughly

NOW = datetime.now(UTC)
FILL = """
    INSERT INTO dns_requests (id, action, status, account_id, source, via, resource, zone, name, record_type,
                              ttl, rdata, created_at, verified_at, finished_at)
    SELECT (:base || lpad(to_hex(number), 12, '0'))::uuid, 'create', 'succeeded', 'team-' || number % 50,
           'api', 'api', '{}', 'filled.test', 'h' || number, 'A', 300, '{192.0.2.1}', now(), now(), now()
      FROM generate_series(1, :number) AS number
"""
ADD_STATE = "INSERT INTO dns_zone_states (zone, servers) VALUES (:zone, CAST(:servers AS jsonb))"
ADD_RUN = """
    INSERT INTO ansible_runs (id, zone, backend, changes, started_at, finished_at, rc, why)
    VALUES (:id, 'example.test', 'bind', 1, :at, :ended, :rc, :why)
"""
# Rows of tables and entries of indexes that this transaction has read, and those without an index.
READ = """
    SELECT sum(seq_tup_read), sum(idx_tup_fetch) FROM pg_stat_xact_user_tables
     WHERE relname LIKE 'dns_requests%'
"""


@pytest.fixture
def session(app_settings: Settings) -> Iterator[Session]:
    with reading() as session:
        yield session


def execute(statement: str, **parameters: object) -> None:
    with statements() as connection:
        connection.execute(text(statement), parameters)


def fill(number: int, age: timedelta) -> None:
    """Store so many requests that were accepted at one time."""
    base = str(id_at(NOW - age, 0))[:-12]
    execute(FILL, base=base, number=number)


def span(age: timedelta, seconds: float) -> stats.Span:
    return stats.Span(id_at(NOW - age, 0), id_at(NOW - age + timedelta(seconds=seconds), 0))


@pytest.mark.parametrize("accounts", [thoroughly(None), ["team-1", "team-2"]])
def test_what_is_looked_at_has_a_bound(session: Session, accounts: list[str] | None) -> None:
    """Also where the statistics say that there is next to nothing, in what was large once."""
    hour = timedelta(hours=1)
    fill(5_000, 3 * hour)
    execute("DELETE FROM dns_requests")
    execute("ANALYZE dns_requests")
    fill(5_000, hour)
    fill(5_000, 2 * hour)
    stats.follow_indexes(session)
    scanned, fetched = session.execute(text(READ)).one()
    found = stats.fates(session, [span(hour, 60), span(3 * hour, 60)], 100, accounts)
    stats.latency(session, [span(hour, 60)], 100, accounts)
    stats.open_groups(session, by_account=True)
    stats.failed_groups(session, id_at(NOW - 24 * hour, 0), by_account=True)
    accepted = 5_000 if accounts is None else 200
    assert [(each.accepted, each.succeeded) for each in found] == [(accepted, accepted), (0, 0)]
    after = session.execute(text(READ)).one()
    assert after[0] == scanned
    assert after[1] - fetched <= accepted + 500  # of these, most are only counted along an index


def test_a_server_that_is_behind(session: Session) -> None:
    """Serials go round, and a server that has given none is not behind."""
    states: dict[str, dict[str, int | None]] = {
        "even.test": {"ns1": 7, "ns2": 7},
        "late.test": {"ns1": 12, "ns2": 7, "ns3": None},
        "round.test": {"ns1": 3, "ns2": 4294967295},
    }
    for zone, serials in states.items():
        servers = {
            name: {"serial": serial, "since": NOW.isoformat(), "error": None}
            for name, serial in serials.items()
        }
        execute(ADD_STATE, zone=zone, servers=json.dumps(servers))
    number, found = stats.lags(session)
    assert [each[:3] for each in found] == [("late.test", "ns2", 5), ("round.test", "ns2", 4)]
    assert number == 2


def test_runs_are_counted_by_how_they_ended(session: Session) -> None:
    ends = [(0, None, 1), (0, None, 3), (4, None, 5), (None, "timeout", 9), (None, None, None)]
    for number, (rc, why, took) in enumerate(ends):
        at = NOW - timedelta(minutes=number)
        ended = None if took is None else at + timedelta(seconds=took)
        execute(ADD_RUN, id=id_at(at, 0), at=at, ended=ended, rc=rc, why=why)
    assert stats.runs(session, id_at(NOW - timedelta(hours=1), 0)) == (5, 2, 4_000)

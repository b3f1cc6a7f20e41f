"""What a page of a list looks at is bounded, whatever it is asked for, and whatever the statistics say."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.core.partitioning import TABLES
from app.domain.lifecycle import Status
from app.domain.permissions import EVERYBODY
from app.services.records import RecordFilter, find_records
from app.services.requests.lookup import RequestFilter, find_requests
from stack.embedded import Stack
from tests.conftest import temporary_database
from tests.support.partitions import NO_AUTOVACUUM
from tests.support.running_api import forget_clients
from tests.support.thoroughly import thoroughly

SCAN = 50  # rows that a page may look at, here
LIMIT = 10
ROWS = 9_000  # in a quarter of an hour
BATCH, RUN = UUID(int=1), UUID(int=2)
BATCH_ROWS = 100

HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)

# Nearly all rows are succeeded requests of one account, in one zone and of one type.
FILL = f"""
    INSERT INTO dns_requests (id, action, status, account_id, source, resource, zone, name, record_type, ttl,
                              rdata, batch_id, run_id, created_at, verified_at, finished_at, error_code)
    SELECT uuidv7(at - now()), 'create', status,
           CASE WHEN n % 97 = 0 THEN 'small' ELSE 'large' END,
           CASE WHEN n % 89 = 0 THEN 'cli' ELSE 'api' END,
           '{{}}', zone, CASE WHEN n % 79 = 0 THEN 'rare.' ELSE 'www.' END || zone,
           CASE WHEN n % 83 = 0 THEN 'CAA' ELSE 'A' END, 300, '{{192.0.2.1}}',
           CASE WHEN n BETWEEN 1001 AND 1000 + {BATCH_ROWS} THEN '{BATCH}'::uuid END,
           CASE WHEN n BETWEEN 2001 AND 2000 + {BATCH_ROWS} AND n % 101 <> 0 THEN '{RUN}'::uuid END, at,
           CASE WHEN status = 'succeeded' THEN at END,
           CASE WHEN status IN ('succeeded', 'failed', 'cancelled') THEN at END,
           CASE WHEN status = 'failed' THEN CASE WHEN n % 7 = 0 THEN 'refused' ELSE 'server_failed' END END
      FROM generate_series(1, {ROWS}) AS n,
           LATERAL (SELECT CASE WHEN n % 101 = 0 THEN 'small.test' ELSE 'large.test' END AS zone,
                           timestamptz '{HOUR_AGO}' + n * interval '110 milliseconds' AS at,
                           CASE WHEN n % 23 = 0 THEN 'failed' WHEN n % 223 = 0 THEN 'cancelled'
                                WHEN n % 227 = 0 THEN 'pending' WHEN n % 229 = 0 THEN 'verifying'
                                WHEN n % 233 = 0 THEN 'running' ELSE 'succeeded' END AS status)
"""
SPANS = (
    (BATCH, "INSERT INTO dns_batches (id, first_request_id, last_request_id)", "batch_id"),
    (
        RUN,
        "INSERT INTO ansible_runs"
        " (id, first_request_id, last_request_id, zone, backend, changes, started_at)",
        "run_id",
    ),
)
FILL_RECORDS = f"""
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, request_id)
    SELECT CASE WHEN n % 101 = 0 THEN 'small.test' ELSE 'large.test' END,
           CASE WHEN n % 79 = 0 THEN 'rare' ELSE 'h' || n END, CASE WHEN n % 83 = 0 THEN 'CAA' ELSE 'A' END,
           300, '{{192.0.2.1}}', CASE WHEN n % 97 = 0 THEN 'small' ELSE 'large' END, gen_random_uuid()
      FROM generate_series(1, {ROWS}) AS n
    ON CONFLICT DO NOTHING
"""
# Both what nearly every row has and what hardly any has.
VALUES: Mapping[str, tuple[Any, ...]] = {
    "status": tuple(Status),
    "code": ("server_failed", "refused"),
    "account_id": ("large", "small"),
    "zone": ("large.test", "small.test"),
    "domain": ("www.large.test", "rare.large.test"),
    "record_type": ("A", "CAA"),
    "source": ("api", "cli"),
    "run_id": (RUN,),
    "batch_id": (BATCH,),
    "since": (HOUR_AGO, HOUR_AGO + timedelta(minutes=30)),
    "until": (HOUR_AGO + timedelta(minutes=1), HOUR_AGO + timedelta(days=1)),
    "open": (True,),
    "value": ("192.0.2", "no such value"),
}
COMMON_AND_RARE = (Status.SUCCEEDED, Status.FAILED, Status.PENDING)
RECORD_VALUES: Mapping[str, tuple[Any, ...]] = {
    "zone": ("large.test", "small.test"),
    "domain": ("rare", "h4711"),
    "record_type": ("A", "CAA"),
    "account_id": ("large", "small"),
}
WORK = text(
    """
    SELECT sum(seq_tup_read), sum(coalesce(idx_tup_fetch, 0)) AS rows,
           sum(pg_stat_get_xact_blocks_fetched(relid)) AS blocks
      FROM pg_stat_xact_user_tables WHERE relname LIKE :table || '%'
    """
)


class Work(NamedTuple):
    """What the calls of a transaction have read of a table."""

    read_in_sequence: int
    by_index: int
    blocks: int


def fill(url: str, *, analyze_when_empty: bool) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NO_AUTOVACUUM)
        connection.execute("ALTER TABLE dns_records SET (autovacuum_enabled = false)")
        if analyze_when_empty:
            connection.execute("ANALYZE")
        connection.execute(FILL.encode())
        connection.execute(FILL_RECORDS.encode())
        for id_, insert, column in SPANS:
            run = ", 'large.test', 'bind', 1, now()" if column == "run_id" else ""
            span = f"SELECT id FROM dns_requests WHERE {column} = '{id_}' ORDER BY id"
            connection.execute(
                f"{insert} SELECT '{id_}', ({span} LIMIT 1), ({span} DESC LIMIT 1){run}".encode()
            )
        if not analyze_when_empty:
            connection.execute("ANALYZE")


def with_statistics(*which: Any) -> pytest.MarkDecorator:
    """The test is done with these of the statistics, on a database that it shares with others."""
    return pytest.mark.parametrize("filled", which, indirect=True, scope="module")


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, infrastructure: Stack, migrated_database: str) -> Iterator[None]:
    """The app on a database with many rows; its statistics are "right", or those of "empty" tables."""
    with temporary_database(infrastructure, migrated_database) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        patch.setattr("app.store.pages.SCAN_LIMIT", SCAN)
        forget_clients()
        fill(url, analyze_when_empty=request.param == "empty")
        yield
        forget_clients()


def filter_sets(values: Mapping[str, tuple[Any, ...]], at_most: int) -> Iterator[dict[str, Any]]:
    """Every combination of up to so many filters, with the common values, and with the rare ones."""
    for number in range(at_most + 1):
        for names in combinations(values, number):
            yield {name: values[name][0] for name in names}
            yield {name: values[name][-1] for name in names}
    statuses = values.get("status", ()) if at_most > 1 else COMMON_AND_RARE
    for status in statuses if "status" in values else ():
        for name in values:
            yield {"status": status} | {name: values[name][-1]}


def work_of(table: str, find: Callable[[Session, dict[str, Any]], None], filters: dict[str, Any]) -> Work:
    with transaction() as session:
        before = session.execute(WORK, {"table": table}).one_or_none() or (0, 0, 0)
        find(session, filters)
        after = session.execute(WORK, {"table": table}).one()
        return Work(*(new - old for new, old in zip(after, before, strict=True)))


def is_too_much(work: Work) -> bool:
    # Twice: once to find the end of what may be looked at, once to look at it. And
    # half as much again: the planner sorts where an index has hardly more.
    rows = 3 * SCAN
    return work.read_in_sequence > 0 or work.by_index > rows or work.blocks > 2 * rows


@with_statistics(thoroughly("right"), "empty")
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("at_most", [1, thoroughly(2)])
def test_a_page_of_requests_looks_at_few_rows(at_most: int) -> None:
    def find(session: Session, filters: dict[str, Any]) -> None:
        find_requests(session, RequestFilter(**filters), LIMIT, None)

    works = [(filters, work_of("dns_requests", find, filters)) for filters in filter_sets(VALUES, at_most)]
    assert [(filters, work) for filters, work in works if is_too_much(work)] == []


@with_statistics(thoroughly("right"), "empty")
@pytest.mark.usefixtures("filled")
def test_a_page_of_records_looks_at_few_rows() -> None:
    def find(session: Session, filters: dict[str, Any]) -> None:
        find_records(session, RecordFilter(**filters), LIMIT, None, EVERYBODY)

    works = [(filters, work_of("dns_records", find, filters)) for filters in filter_sets(RECORD_VALUES, 4)]
    assert [(filters, work) for filters, work in works if is_too_much(work)] == []


def every_page(find: Callable[[Session, str | None], Any]) -> list[Any]:
    """The items of all pages; the work of none is out of bounds."""
    items: list[Any] = []
    cursor = None
    while True:
        with transaction() as session:
            page = find(session, cursor)
        assert len(page.items) <= LIMIT
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


FILTERS: list[dict[str, Any]] = [
    {"status": Status.FAILED, "zone": "small.test"},
    {"since": HOUR_AGO + timedelta(minutes=10), "until": HOUR_AGO + timedelta(minutes=10, seconds=12)},
    {"status": Status.CANCELLED},
    {"status": Status.PENDING},
    {"status": Status.PENDING, "zone": "large.test"},
    {"code": "refused", "account_id": "large"},
    {"record_type": "CAA", "zone": "small.test"},
    {"source": "cli", "account_id": "small"},
    {"batch_id": BATCH},
    {"run_id": RUN, "status": Status.SUCCEEDED},
    {"domain": "rare.large.test", "record_type": "A"},
    {"open": True},
    {"open": True, "zone": "large.test"},
    {"open": True, "account_id": "large"},
]


@with_statistics(thoroughly("right"), "empty")
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("filters", "newest_first"),
    [
        *((filters, True) for filters in FILTERS[1::2]),
        *(thoroughly(filters, True) for filters in FILTERS[::2]),
        (FILTERS[0], False),
        *(thoroughly(filters, False) for filters in FILTERS[1:]),
    ],
)
def test_the_pages_together_have_everything_once(filters: dict[str, Any], newest_first: bool) -> None:
    wanted = RequestFilter(**filters)
    found = every_page(
        lambda session, cursor: find_requests(session, wanted, LIMIT, cursor, newest_first=newest_first)
    )
    conditions = {
        "domain": "name = :domain",
        "code": "error_code = :code",
        "since": "created_at >= :since",
        "until": "created_at < :until",
        "open": "(finished_at IS NULL) = :open",
    }
    where = [conditions.get(name, f"{name} = :{name}") for name in filters]
    is_queue = "zone" in filters and ("open" in filters or filters.get("status") is Status.PENDING)
    order = "seq" if is_queue else "id"
    direction = "DESC" if newest_first else "ASC"
    with transaction() as session:
        asked = f"SELECT id FROM dns_requests WHERE {' AND '.join(where)} ORDER BY {order} {direction}"
        expected = list(session.scalars(text(asked), filters))
    assert [item.id for item in found] == expected
    assert expected


@with_statistics(thoroughly("right"), "empty")
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "filters",
    [
        {"account_id": "large", "zone": "small.test"},
        thoroughly({"record_type": "CAA"}),
        {"account_id": "small"},
        {"zone": "small.test"},
    ],
)
def test_the_pages_of_records_together_have_everything_once(filters: dict[str, str]) -> None:
    wanted = RecordFilter(**filters)
    found = every_page(lambda session, cursor: find_records(session, wanted, LIMIT, cursor, EVERYBODY))
    where = " AND ".join(["true", *(f"{name} = :{name}" for name in filters)])
    with transaction() as session:
        asked = f"SELECT name FROM dns_records WHERE {where} ORDER BY zone, name, record_type"
        assert [item.name for item in found] == list(session.scalars(text(asked), filters))


def test_large_tables_are_vacuumed_before_much_of_them_is_dead(app_settings: Settings) -> None:
    upgrade()
    tables = {"dns_records", "dns_zone_leases", "dns_backends"}
    tables |= {f"{table.name}_{part}" for table in TABLES for part in ("first", "default")}
    with transaction() as session:
        rows = session.execute(text("SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL"))
        options = {name: dict(each.split("=") for each in given) for name, given in rows}
    shares = {table: float(options[table]["autovacuum_vacuum_scale_factor"]) for table in tables}
    assert all(share <= 0.02 for share in shares.values()), shares

"""Are storing, claiming and looking up as fast with many rows in the tables as with none?"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import psycopg
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core import partition_switch, partitioning
from app.core.partitioning import TABLES
from app.domain.change import Action
from app.domain.permissions import SERVICE
from app.services.requests.draft import RawChange
from app.services.requests.lookup import RequestFilter, find_requests, get_request
from app.services.requests.submit import Accepted, submit
from app.services.requests.validate import read_change
from app.store import due, queue
from app.store.leases import Lease
from benchmarks.door import ZONE, environment, new_database
from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Rig, addresses
from benchmarks.statistics import interleaved

_ZONES = 1_000  # over which the rows are spread
_AT_ONCE = 500  # requests that are stored, or claimed, together
_PAGE = 100
_LIMIT = 1.1  # the target: at most so many times as long as with empty tables

_MONTHS = 120  # over which the rows are spread, in as many partitions

_FILL_REQUESTS = """
    INSERT INTO dns_requests (id, action, status, account_id, source, resource, zone, name, record_type, ttl,
                              rdata, attempts, run_id, started_at, verified_at, finished_at)
    SELECT uuidv7((n - %(rows)s) * %(seconds)s::float / %(rows)s * interval '1 second'), 'create',
           'succeeded', 'team-' || n %% 100, 'api',
           jsonb_build_object('record_type', 'A', 'domain', name, 'target', '192.0.2.1',
                              'config', jsonb_build_object('ttl', 300, 'extra_config', '{}'::jsonb)),
           zone, name, 'A', 300, '{192.0.2.1}', 1, uuidv7(), now(), now(), now()
      FROM generate_series(1, %(rows)s) AS n,
           LATERAL (SELECT 'z' || n %% %(zones)s || '.test' AS zone),
           LATERAL (SELECT 'h' || n || '.' || zone AS name)
"""
_FILL_EVENTS = """
    INSERT INTO dns_request_events (request_id, status, message)
    SELECT id, unnest('{pending,succeeded}'::text[]), 'as it was' FROM dns_requests
"""


# As a drain does a minute later (store/leases.py).
_RAISE_FLOOR = """
    INSERT INTO dns_zone_leases (zone, token, holder, expires_at, seq_floor)
    SELECT :zone, 1, '', now(), coalesce(min(seq), 0) FROM dns_requests
     WHERE zone = :zone AND finished_at IS NULL AND id >= (SELECT floor FROM dns_open_floor)
    ON CONFLICT (zone) DO UPDATE SET seq_floor = excluded.seq_floor
"""


@dataclass(frozen=True, slots=True)
class Tables:
    """A database with a number of requests in it, and the id of one of them to look up."""

    engine: Engine
    request_id: UUID


def run(rig: Rig, quick: bool) -> Report:
    """Call the services' functions, without HTTP, on databases of different sizes in turns."""
    sizes = (0, 10_000, 100_000) if quick else (0, 10_000, 100_000, 1_000_000)
    rounds = 5 if quick else 15
    with ExitStack() as open_databases:
        empty = open_databases.enter_context(_migrated(rig))
        tables = {f"{size:,}": open_databases.enter_context(_tables(rig, empty, size)) for size in sizes}
        beside = f"{sizes[-1]:,} beside a snapshot"
        tables[beside] = open_databases.enter_context(_tables(rig, empty, sizes[-1], snapshot=True))
        figures = [
            figure
            for what, way in _WAYS.items()
            for figure in _figures(what, interleaved(_timed(way, tables), rounds))
        ]
    return Report(
        f"Beside {sizes[-1]:,} requests that are in the tables already (median of {rounds})", figures
    )


def _timed(way: Callable[[Tables], None], tables: Mapping[str, Tables]) -> dict[str, Callable[[], float]]:
    return {name: partial(_seconds, way, each) for name, each in tables.items()}


def _seconds(way: Callable[[Tables], None], tables: Tables) -> float:
    with tables.engine.begin() as connection:  # otherwise the running requests would add up
        connection.execute(
            text(
                "UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now()"
                " WHERE finished_at IS NULL AND status = 'running'"
                " AND id >= (SELECT floor FROM dns_open_floor)"
            )
        )
        connection.execute(text(_RAISE_FLOOR), {"zone": ZONE})
    began = time.perf_counter()
    way(tables)
    return time.perf_counter() - began


def _figures(what: str, taken: Mapping[str, float]) -> Iterator[Figure]:
    empty = taken["0"]
    for size, seconds in taken.items():
        yield Figure(f"{what}, {size}", 1000 * seconds, "ms")
    *_, largest, beside = taken
    yield at_most(f"{what}, {largest} rows / none", taken[largest] / empty, _LIMIT)
    yield at_most(f"{what}, the same beside a snapshot / none", taken[beside] / empty, _LIMIT)


def _submit(tables: Tables) -> None:
    drafts = [read_change(change) for change in _changes()]
    with tables.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        results = submit(connection, drafts)
    assert all(isinstance(result, Accepted) for result in results)


def _claim(tables: Tables) -> None:
    with Session(tables.engine) as session:
        floor = session.scalar(text("SELECT seq_floor FROM dns_zone_leases")) or 0
        ids = [item.id for item in queue.list_pending(session, ZONE, _AT_ONCE, floor).items]
        claimed = queue.claim(session, Lease(ZONE, 1, 0), ids, uuid7(), queue.Line("one of many", "in a run"))
        assert len(claimed) == _AT_ONCE
        session.commit()


def _sweep(tables: Tables) -> None:
    with Session(tables.engine) as session:
        for _ in range(20):
            due.list_zones(session)
            due.has_work(session, ZONE)


def _list(tables: Tables) -> None:
    with Session(tables.engine) as session:
        for wanted in (RequestFilter(), RequestFilter(zone=ZONE)):
            assert len(find_requests(session, wanted, _PAGE, None).items) == _PAGE


def _show(tables: Tables) -> None:
    with Session(tables.engine) as session:
        assert get_request(session, tables.request_id, SERVICE.principal).log.items


_WAYS: Mapping[str, Callable[[Tables], None]] = {
    f"storing {_AT_ONCE}": _submit,
    f"claiming {_AT_ONCE}": _claim,
    "sweeping": _sweep,
    f"two lists of {_PAGE}": _list,
    "following one": _show,
}


def _changes() -> list[RawChange]:
    return [
        RawChange(Action.CREATE, {"context": {"account_id": "benchmark"}, "resource": resource})
        for resource in addresses(ZONE, _AT_ONCE)
    ]


@contextmanager
def _migrated(rig: Rig) -> Iterator[str]:
    """Create a database with empty tables and yield its name."""
    with new_database(rig) as database:
        command = [sys.executable, "-m", "app.cli", "migrate"]
        subprocess.run(command, env=os.environ | environment(rig, database), check=True)
        yield database.rpartition("/")[2]


def _make_partitions(engine: Engine) -> None:
    """Give the tables, which are empty, a partition for each of the last months; open work is in the last."""
    now = datetime.now(UTC)
    began = now - timedelta(days=30 * (_MONTHS + 1))
    for table in TABLES:
        with engine.begin() as connection:
            partition_switch.join(connection, table)
            partition_switch.switch(
                connection, table, partitioning.id_at(partitioning.bound_after(began, "month"))
            )
        made = True
        while made:  # each in a transaction of its own, for its locks
            with engine.begin() as connection:
                made = partitioning.make_next(connection, table, "month", now) is not None
    with engine.begin() as connection:
        last = partitioning.list_partitions(connection, TABLES[0].name)[-2]
        connection.execute(text("UPDATE dns_open_floor SET floor = :floor"), {"floor": last.first})


@contextmanager
def _tables(rig: Rig, template: str, size: int, *, snapshot: bool = False) -> Iterator[Tables]:
    with new_database(rig, template) as database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("INSERT INTO dns_zones (name, backend) VALUES (%s, 'bind')", [ZONE])
        engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
        _make_partitions(engine)
        with psycopg.connect(database, autocommit=True) as connection:
            seconds = _MONTHS * 30 * 86_400
            connection.execute(_FILL_REQUESTS, {"rows": size, "zones": _ZONES, "seconds": seconds})
            connection.execute(_FILL_EVENTS)
            connection.execute("VACUUM ANALYZE")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as first:
            stored = submit(first, [read_change(change) for change in _changes()])[0]
        assert isinstance(stored, Accepted)
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as reader:
            if snapshot:  # as a backup holds it: what dies meanwhile stays in the indexes
                reader.execute(text("SELECT count(*) FROM dns_zones"))
            yield Tables(engine, stored.request.id)
        engine.dispose()

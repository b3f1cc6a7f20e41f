"""Are storing, claiming and looking up as fast with many rows in the tables as with none?"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import psycopg
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.domain.change import Action
from app.domain.permissions import SERVICE
from app.services.requests.draft import RawChange
from app.services.requests.lookup import RequestFilter, find_requests, get_request
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import due, leases, queue
from app.store.models import SEQ_STEP
from benchmarks.door import ZONE, environment, new_database
from benchmarks.growth_tables import MONTHS, Hour, fill, make_partitions, work
from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Rig, addresses
from benchmarks.statistics import interleaved

_AT_ONCE = 500  # requests that are stored, or claimed, together
_PAGE = 100
_LIMIT = 1.1  # the target: at most so many times as long as with empty tables
_RATE = 300  # requests a second that one zone settles: a billion in less than forty days

# As drains do (store/leases.py): it is behind by what the last ones have settled.
_RAISE_FLOOR = """
    INSERT INTO dns_zone_leases (zone, token, holder, expires_at, seq_floor)
    SELECT :zone, 1, '', now(), coalesce(min(seq), 0) - :behind FROM dns_requests
     WHERE zone = :zone AND finished_at IS NULL AND id >= (SELECT floor FROM dns_open_floor)
    ON CONFLICT (zone) DO UPDATE SET seq_floor = excluded.seq_floor
"""


@dataclass(slots=True)
class Tables:
    """A database with a number of requests in it, and the id of one of them to look up."""

    engine: Engine
    url: str
    request_id: UUID
    behind_floor: int = 0  # settled requests that the zone's floor has not passed


def run(rig: Rig, quick: bool) -> Report:
    """Call the services' functions, without HTTP, on empty and on full tables in turns; then once more beside
    a snapshot that is as old as the work that was done since."""
    rows, rounds = (1_000_000, 5) if quick else (10_000_000, 15)
    hour = Hour(240 if quick else 3_600, _RATE)
    with ExitStack() as open_databases:
        template = open_databases.enter_context(_migrated(rig))
        empty = open_databases.enter_context(_tables(rig, template, 0))
        full = open_databases.enter_context(_tables(rig, template, rows))
        figures = [*_compare("", empty, full, rounds)]
        snapshot = open_databases.enter_context(
            full.engine.connect().execution_options(isolation_level="REPEATABLE READ")
        )
        snapshot.execute(text("SELECT count(*) FROM dns_zones"))  # as a backup holds it
        work(full.engine, full.url, hour)
        full.behind_floor = hour.behind_floor
        figures += _compare(" beside a snapshot", empty, full, rounds)
    return Report(
        f"Beside {rows:,} requests that are in the tables already (median of {rounds})",
        figures,
        f"{MONTHS} months, a partition each. The snapshot has seen none of {hour.requests:,} requests that"
        f" a zone has settled since, in {hour.seconds:,} s.",
    )


def _compare(beside: str, empty: Tables, full: Tables, rounds: int) -> Iterator[Figure]:
    for what, way in _WAYS.items():
        ways: dict[str, Callable[[], float]] = {
            "empty": partial(_seconds, way, empty),
            "full": partial(_seconds, way, full),
        }
        taken = interleaved(ways, rounds)
        yield Figure(f"{what}{beside}, empty tables", 1_000 * taken["empty"], "ms")
        yield Figure(f"{what}{beside}, full ones", 1_000 * taken["full"], "ms")
        yield at_most(f"{what}{beside}, full / empty", taken["full"] / taken["empty"], _LIMIT)


def _seconds(way: Callable[[Tables], None], tables: Tables) -> float:
    with tables.engine.begin() as connection:  # otherwise the running requests would add up
        connection.execute(
            text(
                "UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now()"
                " WHERE finished_at IS NULL AND status = 'running'"
                " AND id >= (SELECT floor FROM dns_open_floor)"
            )
        )
        connection.execute(text(_RAISE_FLOOR), {"zone": ZONE, "behind": tables.behind_floor * SEQ_STEP})
    began = time.perf_counter()
    way(tables)
    return time.perf_counter() - began


def _submit(tables: Tables) -> None:
    drafts = [read_change(change) for change in _changes()]
    with tables.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        results = submit(connection, drafts)
    assert all(isinstance(result, Accepted) for result in results)


def _claim(tables: Tables) -> None:
    with Session(tables.engine) as session:
        lease = leases.acquire(session, ZONE, "benchmark", 60)
        assert lease is not None
        session.commit()
        ids = [item.id for item in queue.list_pending(session, ZONE, _AT_ONCE, lease.floor).items]
        session.commit()
        leases.check(session, lease, to_claim=True)
        claimed = queue.claim(session, lease, ids, uuid7(), queue.Line("one of many", "in a run"))
        assert len(claimed) == _AT_ONCE
        session.commit()
        leases.release(session, lease)
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


@contextmanager
def _tables(rig: Rig, template: str, rows: int) -> Iterator[Tables]:
    with new_database(rig, template) as database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("INSERT INTO dns_zones (name, backend) VALUES (%s, 'bind')", [ZONE])
        engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
        make_partitions(engine)
        fill(engine, database, rows)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as first:
            stored = submit(first, [read_change(change) for change in _changes()])[0]
        assert isinstance(stored, Accepted)
        yield Tables(engine, database, stored.request.id)
        engine.dispose()

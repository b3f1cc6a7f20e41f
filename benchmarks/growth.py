"""Are storing, claiming and looking up as fast with many rows in the tables as with none?"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from random import randrange, sample
from statistics import median
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier, Literal
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
from app.store import due, leases, open_floor, queue
from app.store.leases import Lease
from app.store.models import OPEN_ONLY
from benchmarks.door import ZONE, environment, new_database
from benchmarks.growth_tables import MONTHS, Hour, fill, make_partitions, work
from benchmarks.growth_turns import Taken, in_turns, ratio, timed
from benchmarks.report import Figure, Report, at_most
from benchmarks.rig import Rig
from stack.embedded import Stack

_AT_ONCE = 500  # requests that are stored, or claimed, together
_PAGE = 100
_LIMIT = 1.1  # the target: at most so many times as long as with empty tables
_RATE = 300  # requests a second that one zone settles: a billion in less than forty days

# Of PostgreSQL, as docs/how-to/growth.md has them: in the memory that it has as it comes, the indexes of the
# newest partition have no room beside an hour's work.
_SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}

# As drains do, but for their words. Looked for from the zone's floor on, as they do: past that, beside a
# snapshot, would go through all that was settled since, and through the memory of who is measured next.
_SETTLE = open_floor.statement(
    f"""
    UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now()
     WHERE zone = :zone AND {OPEN_ONLY} AND status = 'running' AND seq >= :floor
    """  # noqa: S608
)


@dataclass(slots=True)
class Tables:
    """A database with a number of requests in it, and the ids of some of them to look up."""

    engine: Engine  # with one connection
    url: str
    backend: int  # the number of PostgreSQL's process that serves it
    request_ids: Sequence[UUID]
    lease: Lease | None = None  # under which requests run


def run(rig: Rig, quick: bool) -> Report:
    """Call the services' functions, without HTTP, on empty and on full tables in turns; then once more beside
    a snapshot that is as old as the work that was done since."""
    rows, rounds = (1_000_000, 15) if quick else (10_000_000, 40)
    hour = Hour(240 if quick else 3_600, _RATE)
    with ExitStack() as ending:
        stack = ending.enter_context(Stack(rig.folder / "growth", ("postgres", "valkey")))
        give_settings(stack)
        template = ending.enter_context(_migrated(stack))
        empty = ending.enter_context(_tables(stack, template, 0))
        full = ending.enter_context(_tables(stack, template, rows))
        figures = [*measure(empty, full, rounds, hour)]
    return Report(
        f"Beside {rows:,} requests that are in the tables already (medians of {rounds} rounds,"
        f" {', '.join(f'{name} of {value}' for name, value in _SETTINGS.items())})",
        figures,
        f"{MONTHS} months, a partition each. Ratios are medians of those of each round. A snapshot is held of"
        f" both databases, and what the rounds change stays in both; that of the full one is older than"
        f" {hour.requests:,} requests that a zone has settled, in {hour.seconds:,} s."
        f" Load average at the end: {os.getloadavg()[1]:.0f}.",
    )


def give_settings(stack: Stack) -> None:
    """Start the stack's PostgreSQL again with the settings that are measured."""
    with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as server:
        for name, value in _SETTINGS.items():
            server.execute(SQL("ALTER SYSTEM SET {} = {}").format(Identifier(name), Literal(value)))
    stack.restart("postgres")


def measure(empty: Tables, full: Tables, rounds: int, hour: Hour) -> Iterator[Figure]:
    """Yield the figures: without a snapshot, and then beside one of each database.

    A checkpoint comes before the rounds, or before the hour of work: after one, the first change of each page
    writes the whole page, and each new name changes a page of its own.
    """
    with psycopg.connect(full.url, autocommit=True) as server:
        server.execute("CHECKPOINT")
    yield from _compare("", empty, full, rounds)
    with ExitStack() as snapshots:
        for tables in (empty, full):
            snapshot = snapshots.enter_context(psycopg.connect(tables.url))
            snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            snapshot.execute("SELECT count(*) FROM dns_zones")  # as a backup holds it
        with psycopg.connect(full.url, autocommit=True) as server:
            server.execute("CHECKPOINT")
        work(full.engine, full.url, hour)
        yield from _compare(" beside a snapshot", empty, full, rounds)


def _compare(beside: str, empty: Tables, full: Tables, rounds: int) -> Iterator[Figure]:
    for what, way in _WAYS.items():
        few, many = in_turns(partial(_turn, way, empty), partial(_turn, way, full), rounds)
        yield Figure(f"{what}{beside}, empty tables", 1_000 * median(turn.time for turn in few), "ms")
        yield Figure(f"{what}{beside}, full ones", 1_000 * median(turn.time for turn in many), "ms")
        times = ratio([turn.time for turn in few], [turn.time for turn in many])
        yield at_most(f"{what}{beside}, full / empty", times, _LIMIT)
        processor = ratio([turn.processor for turn in few], [turn.processor for turn in many])
        yield at_most(f"{what}{beside}, full / empty, PostgreSQL's processor time", processor, _LIMIT)


def _turn(way: Callable[[Tables], None], tables: Tables) -> Taken:
    if tables.lease is not None:  # otherwise the running requests would add up
        with Session(tables.engine) as session, session.begin():
            floor = leases.check(session, tables.lease).floor
            of_zone = {"zone": ZONE, "floor": floor, "open_from": open_floor.read(session)}
            session.execute(_SETTLE, of_zone)
    if way is not _claim:
        _release(tables)
    return timed(partial(way, tables), tables.backend)


def _submit(tables: Tables) -> None:
    drafts = [read_change(change) for change in _changes()]
    with tables.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        results = submit(connection, drafts)
    assert all(isinstance(result, Accepted) for result in results)


def _claim(tables: Tables) -> None:
    """End the hold before, whose requests are settled, and begin another."""
    _release(tables)
    with Session(tables.engine) as session:
        lease = tables.lease = leases.acquire(session, ZONE, "benchmark", 600)
        assert lease is not None
        session.commit()
        lease = leases.check(session, lease, to_claim=True)
        ids = [item.id for item in queue.list_pending(session, ZONE, _AT_ONCE, lease.floor).items]
        claimed = queue.claim(session, lease, ids, uuid7(), queue.Line("one of many", "in a run"))
        assert len(claimed) == _AT_ONCE
        session.commit()


def _release(tables: Tables) -> None:
    if tables.lease is not None:
        with Session(tables.engine) as session, session.begin():
            leases.release(session, tables.lease, all_settled=True)
        tables.lease = None


def _sweep(tables: Tables) -> None:
    for _ in range(20):
        with Session(tables.engine) as session, session.begin():
            due.list_zones(session)
            due.has_work(session, ZONE)


def _list(tables: Tables) -> None:
    for wanted in 5 * (RequestFilter(), RequestFilter(zone=ZONE)):
        with Session(tables.engine) as session, session.begin():  # committed: a statement stays prepared
            assert len(find_requests(session, wanted, _PAGE, None).items) == _PAGE


def _show(tables: Tables) -> None:
    for request_id in sample(tables.request_ids, 20):
        with Session(tables.engine) as session, session.begin():
            assert get_request(session, request_id, SERVICE.principal).log.items


# What takes little is done several times in a turn: of a few milliseconds, what else runs here is the most.
_WAYS: Mapping[str, Callable[[Tables], None]] = {
    f"storing {_AT_ONCE}": _submit,
    f"claiming {_AT_ONCE}": _claim,
    "20 sweeps": _sweep,
    f"ten lists of {_PAGE}": _list,
    "following 20": _show,
}


def _changes() -> list[RawChange]:
    """Return changes of new names, which have their places anywhere between those that there are."""
    names = [f"h{randrange(10**9)}.{ZONE}" for _ in range(_AT_ONCE)]
    return [
        RawChange(
            Action.CREATE,
            {
                "context": {"account_id": "benchmark"},
                "resource": {"record_type": "A", "domain": name, "target": "192.0.2.1"},
            },
        )
        for name in names
    ]


@contextmanager
def _migrated(stack: Stack) -> Iterator[str]:
    """Create a database with empty tables and yield its name."""
    with new_database(stack) as database:
        command = [sys.executable, "-m", "app.cli", "migrate"]
        subprocess.run(command, env=os.environ | environment(stack, database), check=True)
        yield database.rpartition("/")[2]


@contextmanager
def _tables(stack: Stack, template: str, rows: int) -> Iterator[Tables]:
    with new_database(stack, template) as database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("INSERT INTO dns_zones (name, backend) VALUES (%s, 'bind')", [ZONE])
            connection.execute(
                "INSERT INTO dns_zone_leases (zone, token, holder, expires_at) VALUES (%s, 1, '', now())",
                [ZONE],
            )
        address = database.replace("postgresql:", "postgresql+psycopg:")
        engine = create_engine(address, pool_size=1, max_overflow=0)
        make_partitions(engine)
        fill(engine, database, rows)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as first:
            stored = submit(first, [read_change(change) for change in _changes()])
        ids = [each.request.id for each in stored if isinstance(each, Accepted)]
        with engine.connect() as connection:
            backend = connection.scalar(text("SELECT pg_backend_pid()"))
        yield Tables(engine, database, int(backend or 0), ids)
        engine.dispose()

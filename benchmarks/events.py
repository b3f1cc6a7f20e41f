"""Events out: to a topic of Apache Kafka, and what they cost where nobody listens."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psutil import Process
from sqlalchemy import Engine, create_engine, text
from uuid_utils.compat import uuid7

from app.domain.change import Action, Via
from app.domain.rdata import RecordType
from app.store import requests
from app.store.requests import NewRequest
from benchmarks.door import ZONE, environment, new_database
from benchmarks.report import Figure, Report, at_least, at_most
from benchmarks.rig import TIMEOUT, Rig, addresses
from benchmarks.statistics import interleaved
from benchmarks.topic import apache_kafka
from tests.support.kafka import apache

_TARGET = 5_000  # events a second
_REQUESTS = 2_000  # whose statuses change together
_GROUP = 16  # requests that clients submit at the same time
_CALL_US = 270  # µs of the API's processor time for a call among 32 connections: `intake` measures it
_LIMIT = 0.02  # of such a call
_ROUNDS = 41  # short ones: other load comes and goes
_WARM = 10  # groups that are stored before the clock starts
_ON = "INSERT INTO dns_event_listeners (name) VALUES ('kafka') ON CONFLICT DO NOTHING"
_OFF = "DELETE FROM dns_event_listeners"
_WITHOUT = "ALTER TABLE dns_request_events DISABLE TRIGGER fill_outbox"
_WITH = "ALTER TABLE dns_request_events ENABLE TRIGGER fill_outbox"
_EMPTY = "TRUNCATE dns_outbox, dns_requests, dns_request_events"
_LINES = """
    INSERT INTO dns_request_events (request_id, status, message, told)
    SELECT id, 'running', 'a word', 'a word' FROM dns_requests
"""
_NOTE = "What storing takes is PostgreSQL's processor time."
# How the database is made ready for each way.
_WAYS = {
    "without the trigger": (_WITHOUT, _OFF),
    "nobody listens": (_WITH, _OFF),
    "Kafka listens": (_WITH, _ON),
}

Database = psycopg.Connection[Any]


def run(rig: Rig, quick: bool) -> Report:
    """Publish events that wait already, and ones that are written meanwhile; store requests in three ways."""
    with ExitStack() as ending:
        url = ending.enter_context(_migrated(rig))
        database = ending.enter_context(psycopg.connect(url, autocommit=True))
        engine = create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
        ending.callback(engine.dispose)
        figures = _costs(database, engine, 20 if quick else 60)
        if reason := apache.why_not():
            return Report("Events", figures, f"{_NOTE} {reason}")
        broker = ending.enter_context(apache_kafka(rig.folder))
        settings = environment(rig.stack, url) | {"KAFKA_BROKER_URL": broker.address, "EXECUTOR": "simulated"}
        settings |= {"KAFKA_RESULTS_TOPIC": "dns_results", "KAFKA_CONFIG__ENABLE_IDEMPOTENCE": "true"}
        publisher = ending.enter_context(_publisher(rig.folder, settings))
        published = list(_rates(database, engine, publisher, 10 if quick else 50))
    return Report(
        f"Events, each of a request of its own and {_REQUESTS:,} at once", [*published, *figures], _NOTE
    )


def _rates(database: Database, engine: Engine, publisher: Process, times: int) -> Iterator[Figure]:
    database.execute(_EMPTY)
    database.execute(_ON)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        requests.insert(connection, _new_requests(_REQUESTS))
    _wait_until_published(database)  # the publisher has begun
    before = _processor_seconds(publisher)
    yield at_least("published to Kafka, as they are written", _rate(database, times), _TARGET, "/s")
    took = _processor_seconds(publisher) - before
    yield Figure("the publisher's processor time for one", 1e6 * took / _REQUESTS / times, "µs")
    with psycopg.connect(database.info.dsn, password=database.info.password) as snapshot:
        snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        snapshot.execute("SELECT count(*) FROM dns_outbox")
        rates = [_rate(database, times) for _ in range(3)]
        yield at_least("the same beside a snapshot, in the end", rates[-1], _TARGET, "/s")


def _processor_seconds(process: Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _rate(database: Database, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        database.execute(_LINES)
    _wait_until_published(database)
    return _REQUESTS * times / (time.perf_counter() - began)


def _wait_until_published(database: Database) -> None:
    """Wait until the last event is gone: they are published in the order of their ids."""
    [(last,)] = database.execute("SELECT last_value FROM dns_outbox_id_seq").fetchall()
    until = time.monotonic() + TIMEOUT
    statement = "SELECT EXISTS (SELECT FROM dns_outbox WHERE listener = 'kafka' AND id = %s)"
    while database.execute(statement, [last]).fetchall()[0][0]:
        assert time.monotonic() < until, f"events still wait after {TIMEOUT:g} s"
        time.sleep(0.05)


def _costs(database: Database, engine: Engine, groups: int) -> Sequence[Figure]:
    database.execute(
        "INSERT INTO dns_zones (name, backend) VALUES (%s, 'bind') ON CONFLICT DO NOTHING", [ZONE]
    )
    ways: dict[str, Callable[[], float]] = {
        name: partial(_seconds, database, engine, groups, ready) for name, ready in _WAYS.items()
    }
    for way in ways.values():
        way()
    taken = {name: 1e6 * each / groups for name, each in interleaved(ways, _ROUNDS).items()}
    database.execute(_WITH)
    without = taken["without the trigger"]
    share = (taken["nobody listens"] - without) / _GROUP / _CALL_US
    return [
        at_most("what nobody listens to, of a call", share, _LIMIT, "times a call"),
        *(
            Figure(f"PostgreSQL's processor time for {_GROUP}, {name}", each, "µs")
            for name, each in taken.items()
        ),
        Figure("nobody listens / without the trigger", taken["nobody listens"] / without),
        Figure("Kafka listens / without the trigger", taken["Kafka listens"] / without),
    ]


def _seconds(database: Database, engine: Engine, groups: int, ready: Sequence[str]) -> float:
    for statement in (_EMPTY, *ready):
        database.execute(statement)
    return _store(engine, groups, _GROUP)


def _store(engine: Engine, groups: int, number: int) -> float:
    """Store so many groups of requests, each in one statement and one commit.

    Return the seconds of processor time that PostgreSQL's process has taken: other load is not in them.
    """
    made = [_new_requests(number) for _ in range(groups)]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        process = connection.scalar(text("SELECT pg_backend_pid()"))
        for _ in range(_WARM):  # the driver prepares statements, then PostgreSQL makes one plan for all
            requests.insert(connection, _new_requests(number))
        before = _nanoseconds(process)
        for each in made:
            requests.insert(connection, each)
        return (_nanoseconds(process) - before) / 1e9


def _nanoseconds(process: int) -> int:
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


def _new_requests(number: int) -> list[NewRequest]:
    return [
        NewRequest(
            id=uuid7(),
            action=Action.CREATE,
            account_id="benchmark",
            source="api",
            via=Via.API,
            resource={**resource, "config": {"ttl": 300}},
            zone=ZONE,
            name=resource["domain"],
            record_type=RecordType.A,
            ttl=300,
            rdata=[resource["target"]],
            idempotency_key=None,
        )
        for resource in addresses(ZONE, number)
    ]


@contextmanager
def _migrated(rig: Rig) -> Iterator[str]:
    """Create a database with empty tables and yield its URL."""
    with new_database(rig.stack) as url:
        command = [sys.executable, "-m", "app.cli", "migrate"]
        subprocess.run(command, env=os.environ | environment(rig.stack, url), check=True)
        yield url


@contextmanager
def _publisher(folder: Path, settings: dict[str, str]) -> Iterator[Process]:
    """Publish in a process of its own, as a worker does."""
    with (folder / "publisher.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.support.kafka.publisher"]
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
        try:
            yield Process(process.pid)
        finally:
            process.kill()
            process.wait()

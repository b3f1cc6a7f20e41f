"""Tables as they are after years: a partition for each month, and an hour of work beside a snapshot."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import Engine, text

from app.core import partition_switch, partitioning
from app.core.partitioning import TABLES, Partition
from benchmarks.door import ZONE

MONTHS = 120
_ZONES = 1_000  # over which the rows are spread
_AT_ONCE = 4  # partitions that are filled
_REQUESTS_OF_RUN = 100

_ROWS = """
    INSERT INTO {table} (id, action, status, account_id, source, resource, zone, name, record_type, ttl,
                         rdata, attempts, run_id, started_at, verified_at, finished_at)
    SELECT uuidv7(CAST({begin} AS timestamptz) + n * CAST({step} AS interval) - now()), 'create', 'succeeded',
           'team-' || n % 100, 'api',
           jsonb_build_object('record_type', 'A', 'domain', name, 'target', '192.0.2.1',
                              'config', jsonb_build_object('ttl', 300, 'extra_config', '{{}}'::jsonb)),
           zone, name, 'A', 300, '{{192.0.2.1}}', 1, uuidv7(), now(), now(), now()
      FROM generate_series(1, {rows}) AS n,
           LATERAL (SELECT 'z' || n % {zones} || '.test' AS zone),
           LATERAL (SELECT 'h' || n || '.' || {number} || '.' || zone AS name)
"""
_LINES = """
    INSERT INTO {table} (request_id, status, message)
    SELECT id, unnest('{{pending,succeeded}}'::text[]), 'as it was' FROM {requests}
"""
_RUNS = """
    INSERT INTO {table} (id, zone, backend, changes, started_at, finished_at, rc)
    SELECT uuidv7(CAST({begin} AS timestamptz) + n * CAST({step} AS interval) - now()),
           'z' || n % {zones} || '.test', 'bind', {changes}, now(), now(), 0
      FROM generate_series(1, {rows} / {changes}) AS n
"""
_LINES_OF_RUNS = """
    INSERT INTO {table} (run_id, at, message) SELECT id, now(), 'as it was' FROM {runs}, generate_series(1, 3)
"""

# What a busy zone does in each second: requests are accepted, claimed by a run and settled; each is a commit.
_WORK = """
DO $$
DECLARE ids uuid[]; oldest bigint; newest bigint;
BEGIN
    FOR second IN 1..{seconds} LOOP
        WITH new AS (
            INSERT INTO {requests}
                   (id, action, account_id, source, resource, zone, name, record_type, ttl, rdata)
            SELECT uuidv7(), 'create', 'team-' || n % 10, 'api', jsonb_build_object(
                       'record_type', 'A', 'domain', name, 'target', '192.0.2.1',
                       'config', jsonb_build_object('ttl', 300, 'extra_config', '{{}}'::jsonb)),
                   {zone}, name, 'A', 300, '{{192.0.2.1}}'
              FROM generate_series(1, {rate}) AS n,
                   LATERAL (SELECT 'h' || n + (10 ^ 9 * random())::int || '.' || {zone} AS name)
            RETURNING id, seq
        ), logged AS (
            INSERT INTO {lines} (request_id, status, message) SELECT id, 'pending', 'accepted' FROM new
        )
        SELECT array_agg(id), min(seq), max(seq) INTO ids, oldest, newest FROM new;
        COMMIT;
        UPDATE dns_zone_leases SET zone = zone, token = token + 1, expires_at = now() + interval '1 minute'
         WHERE dns_zone_leases.zone = {zone};
        COMMIT;
        UPDATE {requests} SET status = 'running', attempts = 1, run_id = uuidv7(), started_at = now()
         WHERE id = ANY(ids);
        INSERT INTO {lines} (request_id, status, message) SELECT unnest(ids), 'running', 'in a run';
        UPDATE dns_zone_leases SET claimed_from = oldest, claimed_to = newest
         WHERE dns_zone_leases.zone = {zone};
        COMMIT;
        UPDATE {requests} SET status = 'succeeded', verified_at = now(), finished_at = now(),
               after = '{{"ttl": 300, "rdata": ["192.0.2.1"]}}' WHERE id = ANY(ids);
        INSERT INTO {lines} (request_id, status, message) SELECT unnest(ids), 'succeeded', 'answered';
        COMMIT;
        UPDATE dns_zone_leases SET expires_at = now(), claimed_from = claimed_to, seq_floor = claimed_to + 1
         WHERE dns_zone_leases.zone = {zone};
        COMMIT;
    END LOOP;
END $$
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of work in one zone, or a part of it."""

    seconds: int
    rate: int  # requests in each second

    @property
    def requests(self) -> int:
        """How many requests are accepted and settled."""
        return self.seconds * self.rate


def make_partitions(engine: Engine) -> None:
    """Give the tables, which are empty, a partition for each of the last months; open work is in the last."""
    now = datetime.now(UTC)
    began = now - timedelta(days=30 * (MONTHS + 1))
    for table in TABLES:
        with engine.begin() as connection:
            end = partitioning.id_at(partitioning.bound_after(began, "month"))
            partition_switch.join(connection, table)
            partition_switch.switch(connection, table, end)
        made = True
        while made:  # each in a transaction of its own, for its locks
            with engine.begin() as connection:
                made = partitioning.make_next(connection, table, "month", now) is not None
    with engine.begin() as connection:
        current = _of_requests(connection)[-1]
        connection.execute(text("UPDATE dns_open_floor SET floor = :floor"), {"floor": current.first})


def fill(engine: Engine, url: str, rows: int) -> None:
    """Spread so many settled requests over the partitions: with two lines each, and a run for a hundred.

    Their pages are full, as they become when settled versions are gone and others take their place.
    """
    if not rows:
        return
    with engine.connect() as connection:
        months = _of_requests(connection)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(partial(_fill_month, url, rows // len(months)), range(len(months)), months))


def work(engine: Engine, url: str, hour: Hour) -> None:
    """Do what a busy zone does in that time."""
    with engine.connect() as connection:
        current = _of_requests(connection)[-1]
    names = _names(current)
    statement = SQL(_WORK).format(
        requests=Identifier(names[0]),
        lines=Identifier(names[1]),
        zone=Literal(ZONE),
        rate=Literal(hour.rate),
        seconds=Literal(hour.seconds),
    )
    with psycopg.connect(url, autocommit=True, options="-c synchronous_commit=off") as connection:
        connection.execute(
            "INSERT INTO dns_zone_leases (zone, token, holder, expires_at) VALUES (%s, 1, '', now())"
            " ON CONFLICT DO NOTHING",
            [ZONE],
        )
        connection.execute(statement)


def _fill_month(url: str, rows: int, number: int, month: Partition) -> None:
    begin, end = (partitioning.time_of(each) for each in month[1:])
    step = (min(end, datetime.now(UTC)) - begin) / (rows + 1)
    requests, lines, runs, lines_of_runs = names = _names(month)
    values = {"begin": str(begin), "rows": rows, "zones": _ZONES, "number": number}
    with psycopg.connect(url, autocommit=True, options="-c synchronous_commit=off") as connection:
        connection.execute(SQL("ALTER TABLE {} SET (fillfactor = 100)").format(Identifier(requests)))
        for statement, table, source, every in (
            (_ROWS, requests, "", 1),
            (_LINES, lines, requests, 1),
            (_RUNS, runs, "", _REQUESTS_OF_RUN),
            (_LINES_OF_RUNS, lines_of_runs, runs, 1),
        ):
            of_this = {**values, "step": f"{every * step.total_seconds()} s", "changes": _REQUESTS_OF_RUN}
            literals = {name: Literal(value) for name, value in of_this.items()}
            tables = {"table": Identifier(table), "requests": Identifier(source), "runs": Identifier(source)}
            connection.execute(SQL(statement).format(**tables, **literals))
        connection.execute(SQL("ALTER TABLE {} SET (fillfactor = 50)").format(Identifier(requests)))
        for name in names:
            connection.execute(SQL("VACUUM ANALYZE {}").format(Identifier(name)))


def _of_requests(connection: object) -> Sequence[Partition]:
    """Return the partitions of requests from the first month up to this one."""
    return partitioning.list_partitions(connection, TABLES[0].name)[1:-1]  # type: ignore[arg-type]


def _names(month: Partition) -> Sequence[str]:
    """Return the month's partitions: of requests, their lines, runs, and the lines of those."""
    ending = month.name.removeprefix(TABLES[0].name)
    tables = ("dns_requests", "dns_request_events", "ansible_runs", "ansible_run_events")
    return [f"{table}{ending}" for table in tables]

"""10,000 requests in one call, beside the same rows written by PostgreSQL alone."""

import http.client
import json
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Placeholder

from benchmarks.door import OURS, ZONE, Door, door
from benchmarks.report import Figure, Report, at_least, beside
from benchmarks.rig import Rig, addresses
from benchmarks.statistics import interleaved

_NUMBER = 10_000
_AT_ONCE = 1_000  # rows in an INSERT
_ATOMIC = 500  # changes that are all or none: they fit in one message
_REQUEST = (
    "id, action, status, account_id, source, via, resource::text, zone, name, record_type, ttl, rdata::text,"
    " attempts, lost_runs, created_at"
)
_COLUMNS = _REQUEST.replace("::text", "")
_EVENT = "request_id, at, status, message"
_INTO_REQUESTS = SQL(f"INSERT INTO copy_of_dns_requests ({_COLUMNS}) VALUES ")  # noqa: S608
_INTO_EVENTS = SQL(f"INSERT INTO copy_of_dns_request_events ({_EVENT}) VALUES ")  # noqa: S608


def run(rig: Rig, quick: bool) -> Report:
    """One call to the API, beside COPY and INSERT into tables with the same indexes."""
    rounds = 1 if quick else 5
    with door(rig, OURS) as ours, psycopg.connect(ours.database) as database:
        _batch(ours)  # the first call does some things that are done only once
        rows, events = _read_rows(database)
        _make_copies(database)
        ways = {
            "ours": lambda: _batch(ours),
            "atomic": lambda: _batch(ours, _ATOMIC, atomic=True) * _NUMBER / _ATOMIC,
            "copy": lambda: _copy(database, rows, events),
            "insert": lambda: _insert(database, rows, events),
        }
        rates = {name: _NUMBER / taken for name, taken in interleaved(ways, rounds).items()}
        memory = ours.memory
    return Report(
        f"{_NUMBER:,} requests in one call (median of {rounds})",
        [
            at_least("accepted", rates["ours"], 15_000, "/s"),
            Figure(f"accepted, {_ATOMIC} in a call, all or nothing", rates["atomic"], "/s"),
            beside("PostgreSQL alone, COPY", rates["copy"], "/s"),
            beside(f"PostgreSQL alone, INSERT of {_AT_ONCE:,} rows", rates["insert"], "/s"),
            Figure("ours / COPY", rates["ours"] / rates["copy"]),
            Figure("ours / INSERT", rates["ours"] / rates["insert"]),
            Figure("the API's resident memory after it", memory, "MB"),
        ],
        "Each way stores a request and its first event, with all indexes, and commits once.",
    )


def _batch(ours: Door, number: int = _NUMBER, *, atomic: bool = False) -> float:
    items = [
        {"context": {"account_id": "benchmark"}, "resource": resource} for resource in addresses(ZONE, number)
    ]
    body = json.dumps({"requests": items, "atomic": atomic})
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=60)
    connection.connect()
    began = time.perf_counter()
    connection.request("POST", "/api/v1/dns/batch", body, {"Content-Type": "application/json"})
    answer = connection.getresponse().read()
    taken = time.perf_counter() - began
    connection.close()
    assert {result["status_code"] for result in json.loads(answer)["results"]} == {202}
    return taken


def _read_rows(database: psycopg.Connection[Any]) -> tuple[list[Any], list[Any]]:
    rows = database.execute(f"SELECT {_REQUEST} FROM dns_requests LIMIT {_NUMBER}").fetchall()  # noqa: S608
    events = database.execute(f"SELECT {_EVENT} FROM dns_request_events LIMIT {_NUMBER}").fetchall()  # noqa: S608
    database.commit()
    return rows, events


def _make_copies(database: psycopg.Connection[Any]) -> None:
    database.execute("CREATE TABLE copy_of_dns_requests (LIKE dns_requests INCLUDING ALL)")
    database.execute("CREATE TABLE copy_of_dns_request_events (LIKE dns_request_events INCLUDING ALL)")
    database.commit()


def _copy(database: psycopg.Connection[Any], rows: Sequence[Any], events: Sequence[Any]) -> float:
    began = _empty_tables(database)
    with database.cursor() as cursor:
        with cursor.copy(f"COPY copy_of_dns_requests ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        with cursor.copy(f"COPY copy_of_dns_request_events ({_EVENT}) FROM STDIN") as copy:
            for event in events:
                copy.write_row(event)
    database.commit()
    return time.perf_counter() - began


def _insert(database: psycopg.Connection[Any], rows: Sequence[Any], events: Sequence[Any]) -> float:
    began = _empty_tables(database)
    _insert_all(database, _INTO_REQUESTS, rows)
    _insert_all(database, _INTO_EVENTS, events)
    database.commit()
    return time.perf_counter() - began


def _insert_all(database: psycopg.Connection[Any], into: SQL, rows: Sequence[Any]) -> None:
    row = SQL("({})").format(SQL(", ").join([Placeholder()] * len(rows[0])))
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        values = [value for each in part for value in each]
        database.execute(into + SQL(", ").join([row] * len(part)), values)


def _empty_tables(database: psycopg.Connection[Any]) -> float:
    """Empty the tables; return the time (of time.perf_counter) at which that was done."""
    database.execute("TRUNCATE copy_of_dns_requests, copy_of_dns_request_events")
    database.commit()
    return time.perf_counter()

"""From messages in a topic of Apache Kafka to rows in PostgreSQL, with one API process."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import httpx2
import psycopg

from benchmarks.door import OURS, USUAL, Door, door
from benchmarks.peers.usual_consumer import usual_consumer
from benchmarks.report import Figure, Report, at_least
from benchmarks.rig import TIMEOUT, Rig
from benchmarks.statistics import interleaved
from benchmarks.topic import apache_kafka, fill, item, new_topic, plain_rate
from tests.support.eventually import eventually
from tests.support.kafka import apache
from tests.support.kafka.broker import Broker
from tests.support.kafka.processes import Program
from tests.support.kafka.sandbox import KafkaSandbox

_TITLE = "Kafka: from a filled topic to durable rows"
_TARGET = 10_000  # messages a second
_PER_CALL = 1_000
_AT_ONCE = 4  # calls


@dataclass
class Bench:
    """What the ways are measured on. `memory` is the most that a consumer has taken so far, in bytes."""

    folder: Path
    broker: Broker
    ours: Door
    usual: Door
    database: psycopg.Connection[Any]  # of `ours`
    number: int  # messages in a topic
    memory: int = 0


def run(rig: Rig, quick: bool) -> Report:
    """Measure all ways in turns. The clock starts when the topic is filled and the consumers have joined."""
    if reason := apache.why_not():
        return Report(_TITLE, [], reason)
    with (
        apache_kafka(rig.folder) as broker,
        door(rig, OURS) as ours,
        door(rig, USUAL) as usual,
        psycopg.connect(ours.database, autocommit=True) as database,
    ):
        bench = Bench(rig.folder, broker, ours, usual, database, 10_000 if quick else 40_000)
        return _measure(bench, quick)


def _measure(bench: Bench, quick: bool) -> Report:
    ways = _ways(bench, quick)
    rounds = 1 if quick else 2
    rates = interleaved(ways, rounds)
    ours = rates.pop("1 consumer, 4 partitions")
    return Report(
        f"{_TITLE} ({bench.number:,} messages, median of {rounds})",
        [
            at_least("1 consumer, 4 partitions", ours, _TARGET, "/s"),
            *(Figure(name, rate, "/s") for name, rate in rates.items()),
            Figure("ours / the usual way", ours / rates["the usual way, 1 partition"]),
            Figure("ours / the batch call alone", ours / rates["the batch call alone, 4 at a time"]),
            Figure("a consumer's memory, at most", bench.memory / 1e6, "MB"),
        ],
        "One API process; librdkafka alone reads messages and drops them.",
    )


def _ways(bench: Bench, quick: bool) -> dict[str, Callable[[], float]]:
    more: dict[str, Callable[[], float]] = {
        "1 consumer, 1 partition": lambda: _ours(bench, 1, 1),
        "2 consumers, 4 partitions": lambda: _ours(bench, 2, 4),
    }
    return {
        "1 consumer, 4 partitions": lambda: _ours(bench, 1, 4),
        **({} if quick else more),
        "the batch call alone, 4 at a time": lambda: _batch_call(bench),
        "librdkafka alone": lambda: _librdkafka(bench),
        "the usual way, 1 partition": lambda: _usual(bench, 200 if quick else 500),
    }


def _ours(bench: Bench, consumers: int, partitions: int) -> float:
    with (
        new_topic(bench.broker, bench.folder, partitions) as sandbox,
        ExitStack() as running,
    ):
        members = [running.enter_context(_consumer(bench, sandbox)) for _ in range(consumers)]
        eventually(lambda: sandbox.members() == [partitions // consumers] * consumers, TIMEOUT)
        with _writes_blocked(bench.ours):
            fill(sandbox, partitions, bench.number)
            time.sleep(0.5)  # until the consumers have read messages
            began = _database_time(bench)
        eventually(lambda: _count_rows(bench, sandbox) >= bench.number, TIMEOUT, pause=0.25)
        bench.memory = max(bench.memory, *(member.most_memory for member in members))
        return _rate(bench, sandbox, began)


def _consumer(bench: Bench, sandbox: KafkaSandbox) -> Program:
    log = bench.folder / f"consumer-{secrets.token_hex(4)}.log"
    return Program(["run_consumer.py"], sandbox.env(f"{bench.ours.url}/api/v1/dns/create"), log)


@contextmanager
def _writes_blocked(door: Door) -> Iterator[None]:
    """Lock the table of requests, so that nothing is stored until the end of the block."""
    with psycopg.connect(door.database) as connection:
        connection.execute("LOCK TABLE dns_requests IN SHARE MODE")
        yield


def _database_time(bench: Bench) -> datetime:
    row = bench.database.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return cast("datetime", row[0])


def _count_rows(bench: Bench, sandbox: KafkaSandbox) -> int:
    row = bench.database.execute(
        "SELECT count(*) FROM dns_requests WHERE account_id = %s", [sandbox.account]
    ).fetchone()
    return int(row[0]) if row else 0


def _rate(bench: Bench, sandbox: KafkaSandbox, began: datetime) -> float:
    """Return rows per second, from the first transaction that began after `began` to the last."""
    batches = bench.database.execute(
        "SELECT extract(epoch FROM created_at)::float, count(*) FROM dns_requests"
        " WHERE account_id = %s AND created_at > %s GROUP BY created_at ORDER BY created_at",
        [sandbox.account, began],
    ).fetchall()
    return float(sum(rows for _, rows in batches[1:]) / (batches[-1][0] - batches[0][0]))


def _batch_call(bench: Bench) -> float:
    """Return items per second when a client sends the same calls and only waits for the answers."""
    account = f"team-{secrets.token_hex(4)}"
    items = [item(account, index) for index in range(bench.number)]
    bodies = [
        b'{"requests":[' + b",".join(items[start : start + _PER_CALL]) + b"]}"
        for start in range(0, bench.number, _PER_CALL)
    ]
    url = f"{bench.ours.url}/api/v1/dns/batch"
    headers = {"content-type": "application/json"}
    with httpx2.Client(timeout=TIMEOUT, headers=headers) as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        began = time.perf_counter()
        for answer in pool.map(lambda body: client.post(url, content=body), bodies):
            answer.raise_for_status()
        return bench.number / (time.perf_counter() - began)


def _librdkafka(bench: Bench) -> float:
    with new_topic(bench.broker, bench.folder, 4) as sandbox:
        fill(sandbox, 4, bench.number)
        return plain_rate(sandbox, bench.number)


def _usual(bench: Bench, number: int) -> float:
    with new_topic(bench.broker, bench.folder, 1) as sandbox:
        fill(sandbox, 1, number)
        return usual_consumer(bench.usual, sandbox, number, bench.folder / "usual-consumer.log")

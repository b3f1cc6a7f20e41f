"""Measure benchmarks/baseline as a consumer, which posts one message after the other to its API."""

import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.door import Door
from benchmarks.rig import TIMEOUT
from tests.support.eventually import eventually
from tests.support.kafka.processes import Program
from tests.support.kafka.sandbox import KafkaSandbox


def usual_consumer(door: Door, sandbox: KafkaSandbox, number: int, log: Path) -> float:
    """Return the messages per second that become rows, from the first to the last."""
    environment = sandbox.env(f"{door.url}/dns/create")
    with psycopg.connect(door.database, autocommit=True) as database:
        before = _count_rows(database)
        with Program(["-m", "benchmarks.baseline.consumer"], environment, log):
            first = eventually(lambda: _count_rows(database) - before, TIMEOUT, pause=0.02)
            began = time.perf_counter()
            eventually(lambda: _count_rows(database) - before >= number, TIMEOUT, pause=0.02)
            return (number - first) / (time.perf_counter() - began)


def _count_rows(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM baseline_requests").fetchone()
    return int(row[0]) if row else 0

"""benchmarks/baseline as a consumer: its API gets one message after the other from its poll loop."""

import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.door import Door
from benchmarks.rig import PATIENCE
from tests.support.eventually import eventually
from tests.support.kafka.processes import Program
from tests.support.kafka.sandbox import KafkaSandbox


def usual_consumer(door: Door, sandbox: KafkaSandbox, number: int, log: Path) -> float:
    """Messages that become rows per second, from the first to the last."""
    environment = sandbox.env(f"{door.url}/dns/create")
    with psycopg.connect(door.database, autocommit=True) as database:
        before = _stored(database)
        with Program(["-m", "benchmarks.baseline.consumer"], environment, log):
            first = eventually(lambda: _stored(database) - before, PATIENCE, pause=0.02)
            began = time.perf_counter()
            eventually(lambda: _stored(database) - before >= number, PATIENCE, pause=0.02)
            return (number - first) / (time.perf_counter() - began)


def _stored(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM baseline_requests").fetchone()
    return int(row[0]) if row else 0

"""benchmarks/baseline as a consumer: its API takes one message after the other from its poll loop."""

import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import psycopg

from benchmarks.rig import PATIENCE
from tests.kafka.broker import free_port
from tests.kafka.eventually import eventually
from tests.kafka.lane import Lane
from tests.kafka.processes import Program


def usual_consumer(env: Mapping[str, str], folder: Path, lane: Lane, number: int) -> float:
    """Messages that become rows per second, from the first row to the last."""
    port = free_port()
    api = ["-m", "uvicorn", "benchmarks.baseline.api:app", "--port", str(port), "--no-access-log"]
    consumer = ["-m", "benchmarks.baseline.consumer"]
    with Program(api, env, folder / "usual-api.log"):
        eventually(lambda: _answers(port), limit=PATIENCE)
        url = f"http://127.0.0.1:{port}/dns/create"
        with (
            psycopg.connect(env["DATABASE_URL"], autocommit=True) as database,
            Program(consumer, lane.env(url), folder / "usual-consumer.log"),
        ):
            first = eventually(lambda: _stored(database), limit=PATIENCE, pause=0.02)
            began = time.perf_counter()
            eventually(lambda: _stored(database) >= number, limit=PATIENCE, pause=0.02)
            return (number - first) / (time.perf_counter() - began)


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/docs").is_success
    except httpx2.TransportError:
        return False


def _stored(database: psycopg.Connection) -> int:
    row = database.execute("SELECT count(*) FROM baseline_requests").fetchone()
    return int(row[0]) if row else 0

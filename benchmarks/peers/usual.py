"""Measure benchmarks/baseline: its API and its worker, on the database and the broker of a rig."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import psycopg

from benchmarks.rig import TIMEOUT, Rig
from stack.ports import Ports

_BODY = {
    "context": {"account_id": "benchmark"},
    "resource": {"record_type": "A", "domain": "www.example.test", "target": "192.0.2.1"},
}
_WORKER = ("celery", "-A", "benchmarks.baseline.tasks", "worker", "--concurrency=2", "--without-mingle")


def usual(rig: Rig, number: int) -> float:
    """Return the tasks per second of the baseline's worker, from the first that ends to the last."""
    _accept(rig, number)
    with (
        psycopg.connect(rig.stack.env["DATABASE_URL"], autocommit=True) as database,
        _running(rig, *_WORKER),
    ):
        first = _wait_until_open(database, number - 1)
        began = time.perf_counter()
        _wait_until_open(database, 0)
        taken = time.perf_counter() - began
        database.execute("DROP TABLE baseline_requests")
    return first / taken


def _accept(rig: Rig, number: int) -> None:
    port = Ports.free().api
    with (
        _running(rig, "uvicorn", "benchmarks.baseline.api:app", "--port", str(port)),
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        _until_it_answers(client)
        for _ in range(number):
            client.post("/dns/create", json=_BODY).raise_for_status()


@contextmanager
def _running(rig: Rig, *module: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        env={**os.environ, **rig.stack.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(client: httpx2.Client) -> None:
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        try:
            client.get("/docs")
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"the baseline's API did not answer within {TIMEOUT:g} s")


def _wait_until_open(database: psycopg.Connection, most: int) -> int:
    """Wait until at most `most` requests are open; return how many are."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        row = database.execute(
            "SELECT count(*) FROM baseline_requests WHERE status <> 'succeeded'"
        ).fetchone()
        if row is not None and row[0] <= most:
            return int(row[0])
        time.sleep(0.01)
    raise TimeoutError(f"the baseline's worker was not done within {TIMEOUT:g} s")

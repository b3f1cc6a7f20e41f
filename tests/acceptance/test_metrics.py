"""A worker's metrics: its pool's processes count together, and leave nothing behind."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.forked import CLI, CONSUMER, Forked, run_in_fork
from tests.support.free_port import free_port
from tests.support.metrics import Values, scrape, total, value
from tests.support.prometheus import running_prometheus
from tests.support.user import User

WORKER = ("-m", "celery", "-A", "app.tasks", "worker", "-Q", "dns_tasks", "--concurrency", "2")


class Worker:
    """A worker that shows its metrics, with a folder for what it writes."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        settings = {"METRICS_LISTEN": f"127.0.0.1:{self.port}", "TMPDIR": str(folder)}
        self.program = Forked(WORKER, {**stack.env, **settings}, folder / f"log-{self.port}")

    def metrics(self) -> Values:
        return scrape(self.port)

    @property
    def counting_folders(self) -> list[Path]:
        return list(self.folder.glob("dns-orchestrator-metrics-*"))


@pytest.fixture(scope="module")
def without_worker(stack: Stack) -> Iterator[Stack]:
    """The stack with its own worker stopped."""
    stack.stop("worker")
    yield stack
    stack.start("worker")


@contextmanager
def worker(stack: Stack, folder: Path) -> Iterator[Worker]:
    """A worker that shows its metrics."""
    started = Worker(stack, folder)
    with started.program:
        eventually(lambda: "metrics are shown" in started.program.output)
        yield started


@pytest.mark.thorough
def test_a_worker_and_its_pool(without_worker: Stack, user: User, zone: str, tmp_path: Path) -> None:
    with worker(without_worker, tmp_path) as running:
        found = running.metrics()
        assert (
            value(found, "requests_settled_total", status="succeeded")
            == value(found, "leases_lost_total")
            == 0
        )
        user.submit_and_wait(*(body(zone, f"h{number}") for number in range(20)))
        user.submit_and_wait(body(zone, "www", action="create"))
        found = eventually(lambda: _with(running, settled=21))
        assert (
            value(found, "request_verified_seconds_count")
            == value(found, "request_applied_seconds_count")
            == 21
        )
        assert (
            0
            < value(found, "request_applied_seconds_sum")
            <= value(found, "request_verified_seconds_sum")
            < 2_000
        )
        runs = value(found, "runs_total", backend="bind", end="ok")
        assert 2 <= runs == value(found, "run_seconds_count", backend="bind") <= 21
        assert value(found, "run_changes_sum") == 21
        assert value(found, "run_results_total", outcome="applied", code="none") == 21
        assert value(found, "verification_rounds_total") >= runs
        assert value(found, "dns_responses_total", rcode="NOERROR") >= 21
        assert value(found, "dns_updates_total", rcode="NOERROR") >= runs
        assert value(found, "dns_update_seconds_count") == total(found, "dns_updates_total")
        [folder] = running.counting_folders
        assert folder.stat().st_mode & 0o777 == 0o700
        assert running.program.stop() == 0
        assert running.counting_folders == []


@pytest.mark.thorough
def test_what_a_killed_worker_has_left_goes_with_the_next_one(without_worker: Stack, tmp_path: Path) -> None:
    with worker(without_worker, tmp_path) as killed:
        [left] = killed.counting_folders
        os.killpg(killed.program.pid, signal.SIGKILL)
        killed.program.wait()
    assert left.exists()
    with worker(without_worker, tmp_path) as next_one:
        assert not left.exists()
        assert len(next_one.counting_folders) == 1
        assert total(next_one.metrics(), "requests_settled_total") == 0
        a_port_that_is_taken_is_said(without_worker, next_one, tmp_path)


@pytest.mark.thorough
def test_all_is_read_by_prometheus(without_worker: Stack, user: User, zone: str, tmp_path: Path) -> None:
    """All that is shipped for it works: its configuration, the alerts, the dashboard's queries."""
    shown = f"127.0.0.1:{free_port()}"
    consumer = Forked(CONSUMER, {**without_worker.env, "METRICS_LISTEN": shown}, tmp_path / "consumer.log")
    with worker(without_worker, tmp_path) as running, consumer:
        user.submit_and_wait(body(zone))
        api = without_worker.env["API_URL"].split("/")[2]
        jobs = {"api": api, "worker": f"127.0.0.1:{running.port}", "consumer": shown}
        targets = {f"dns-orchestrator-{name}": target for name, target in jobs.items()}
        with running_prometheus(tmp_path, targets) as prometheus:
            prometheus.expect_all(targets)


def _with(running: Worker, settled: int) -> Values | None:
    found = running.metrics()
    number = value(found, "requests_settled_total", status="succeeded", code="none")
    return found if number == settled else None


def a_port_that_is_taken_is_said(stack: Stack, first: Worker, folder: Path) -> None:
    """A worker goes on: nothing but Prometheus needs it. `doctor` sees the one that has the port."""
    again = {**stack.env, "METRICS_LISTEN": f"127.0.0.1:{first.port}", "TMPDIR": str(folder)}
    told = run_in_fork([*CLI, "doctor", "--json"], again, folder)
    [metrics] = [each for each in json.loads(told.out)["findings"] if each["what"] == "metrics"]
    assert (metrics["state"], str(first.port) in metrics["words"]) == ("ok", True)
    with Forked((*WORKER[:-1], "1"), again, folder / "again") as second:
        eventually(lambda: "metrics are not shown" in second.output)
        assert second.running
        assert second.stop() == 0

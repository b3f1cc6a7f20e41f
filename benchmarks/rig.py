"""A stack to measure on: real PostgreSQL, Valkey and BIND, the API, and a worker with two processes."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import httpx2
import psycopg
from celery import Celery

from stack.embedded import Stack

TIMEOUT = 300.0  # seconds within which requests must be settled
_FORK_SERVER_READY = "Ansible is kept ready"  # in the worker's log

Resource = Mapping[str, Any]


class Rig:
    """A running stack, and what a benchmark does with it. `folder` is for files that a benchmark writes."""

    def __init__(self, stack: Stack, folder: Path, database: psycopg.Connection[Any]) -> None:
        self.stack = stack
        self.folder = folder
        self.api = httpx2.Client(base_url=stack.env["API_URL"].removesuffix("/dns/create"), timeout=TIMEOUT)
        self.address, _, port = stack.env["DNS_SERVER"].rpartition(":")
        self.port = int(port)
        self._database = database
        self._fork_servers_before = 0
        self._celery = Celery(broker=stack.env["CELERY_BROKER_URL"])

    def new_zone(self) -> str:
        """Create an empty zone that is served, and return its name."""
        name = f"b-{secrets.token_hex(4)}.test"
        self.stack.add_zone(name)
        self.api.post("/zones", json={"name": name, "backend": "bind"}).raise_for_status()
        return name

    def submit(self, resources: Sequence[Resource]) -> None:
        """Submit creates in one batch. Raises AssertionError when one is not accepted."""
        items = [
            {"action": "create", "context": {"account_id": "benchmark"}, "resource": resource}
            for resource in resources
        ]
        answer = self.api.post("/dns/batch", json={"requests": items}).raise_for_status().json()
        refused = [result for result in answer["results"] if result["status_code"] != 202]
        assert not refused, refused[0]

    def take_leases(self, zones: Sequence[str]) -> None:
        """Keep the worker from these zones by taking their leases, as another worker would."""
        with self._database.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO dns_zone_leases (zone, token, holder, expires_at)"
                " VALUES (%s, 1, 'benchmark', now() + interval '1 hour')"
                " ON CONFLICT (zone) DO UPDATE SET token = dns_zone_leases.token + 1,"
                " expires_at = excluded.expires_at",
                [(zone,) for zone in zones],
            )

    def release_and_kick(self, zones: Sequence[str]) -> None:
        """Give the leases of these zones back, and send a kick for each zone."""
        self._database.execute(
            "UPDATE dns_zone_leases SET expires_at = now() WHERE zone = ANY(%s)", [list(zones)]
        )
        for zone in zones:
            self._celery.send_task("dns.drain", args=[zone], queue="dns_tasks")

    def time_to_settle(self, zones: Sequence[str], resources: Sequence[Resource]) -> float:
        """Return the seconds from the first kick until all these creates are settled and recorded."""
        self.take_leases(zones)
        self.submit(resources)
        began = time.perf_counter()
        self.release_and_kick(zones)
        self.wait_until_settled(zones)
        return time.perf_counter() - began

    def wait_until_settled(self, zones: Sequence[str]) -> None:
        """Wait until no request of these zones is open. Raises AssertionError after `TIMEOUT`."""
        until = time.monotonic() + TIMEOUT
        statement: LiteralString = (
            "SELECT EXISTS (SELECT FROM dns_requests WHERE zone = ANY(%s) AND finished_at IS NULL)"
        )
        while self.query(statement, list(zones))[0][0]:
            assert time.monotonic() < until, f"requests are still open after {TIMEOUT:g} s"
            time.sleep(0.01)

    def count_requests(self, zones: Sequence[str], status: str) -> int:
        """Return how many requests of these zones have this status."""
        statement: LiteralString = "SELECT count(*) FROM dns_requests WHERE zone = ANY(%s) AND status = %s"
        return int(self.query(statement, list(zones), status)[0][0])

    def count_records(self, zones: Sequence[str]) -> int:
        """Return how many RRsets of these zones are recorded."""
        statement: LiteralString = "SELECT count(*) FROM dns_records WHERE zone = ANY(%s)"
        return int(self.query(statement, list(zones))[0][0])

    def query(self, statement: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement in the app's database, and return its rows."""
        return self._database.execute(statement, parameters).fetchall()

    def restart_worker(self) -> None:
        """Replace the worker and its fork server by new ones, and warm them up."""
        self.stack.stop("worker")
        self._fork_servers_before = self._count_fork_servers()
        self.stack.start("worker")
        self.warm_up()

    def warm_up(self) -> None:
        """Give the worker something to do, so that both its processes have run Ansible before."""
        warm = self.stack.env.get("ANSIBLE_FORK_SERVER") != "false"
        if warm:
            until = time.monotonic() + TIMEOUT
            while self._count_fork_servers() == self._fork_servers_before:
                assert time.monotonic() < until, "the fork server is not ready"
                time.sleep(0.1)
        for _ in range(3 if warm else 1):
            zones = [self.new_zone() for _ in range(4)]
            self.time_to_settle(zones, [resource for zone in zones for resource in addresses(zone, 10)])

    def _count_fork_servers(self) -> int:
        return self.stack.output("worker").count(_FORK_SERVER_READY)


@contextmanager
def rig(**settings: str) -> Iterator[Rig]:
    """Start a stack with these settings, warm it up, and remove it at the end of the block."""
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with Stack(
            folder / "stack",
            ("postgres", "valkey", "bind"),
            app=True,
            settings={"LOG_FORMAT": "json", "TMPDIR": name, **settings},
        ) as stack:
            stack.stop("consumer")  # there is no Kafka
            with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as database:
                made = Rig(stack, folder, database)
                made.warm_up()
                yield made
                made.api.close()


def addresses(zone: str, number: int) -> list[Resource]:
    """Return so many A records, each with an owner name of its own."""
    return [
        {"record_type": "A", "domain": f"h{index}.{zone}", "target": f"10.0.{index // 256}.{index % 256}"}
        for index in range(number)
    ]

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

PATIENCE = 300.0  # seconds until requests must have met their fate
_READY = "Ansible is kept ready"
_OPEN = "finished_at IS NULL"

Resource = Mapping[str, Any]


class Rig:
    """A running stack, as its users and its operator see it. `folder` is for whatever a benchmark writes."""

    def __init__(self, stack: Stack, folder: Path, database: psycopg.Connection[Any]) -> None:
        self.stack = stack
        self.folder = folder
        self.api = httpx2.Client(base_url=stack.env["API_URL"].removesuffix("/dns/create"), timeout=PATIENCE)
        self.address, _, port = stack.env["DNS_SERVER"].rpartition(":")
        self.port = int(port)
        self._database = database
        self._servers_before = 0
        self._celery = Celery(broker=stack.env["CELERY_BROKER_URL"])

    def new_zone(self) -> str:
        """An empty zone that is served."""
        name = f"b-{secrets.token_hex(4)}.test"
        self.stack.add_zone(name)
        self.api.post("/zones", json={"name": name, "backend": "bind"}).raise_for_status()
        return name

    def ask_for(self, resources: Sequence[Resource]) -> None:
        """Submit creates in one batch. Raises AssertionError when one is not accepted."""
        items = [
            {"action": "create", "context": {"account_id": "benchmark"}, "resource": resource}
            for resource in resources
        ]
        answer = self.api.post("/dns/batch", json={"requests": items}).raise_for_status().json()
        refused = [result for result in answer["results"] if result["status_code"] != 202]
        assert not refused, refused[0]

    def hold(self, zones: Sequence[str]) -> None:
        """Keep the worker from these zones, as if another worker had them."""
        with self._database.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO dns_zone_leases (zone, token, holder, expires_at)"
                " VALUES (%s, 1, 'benchmark', now() + interval '1 hour')"
                " ON CONFLICT (zone) DO UPDATE SET token = dns_zone_leases.token + 1,"
                " expires_at = excluded.expires_at",
                [(zone,) for zone in zones],
            )

    def release(self, zones: Sequence[str]) -> None:
        """Let the worker have them, and kick each."""
        self._database.execute(
            "UPDATE dns_zone_leases SET expires_at = now() WHERE zone = ANY(%s)", [list(zones)]
        )
        for zone in zones:
            self._celery.send_task("dns.drain", args=[zone], queue="dns_tasks")

    def worked_off(self, zones: Sequence[str], resources: Sequence[Resource]) -> float:
        """Seconds from the first kick until all these creates are settled, verified and recorded."""
        self.hold(zones)
        self.ask_for(resources)
        began = time.perf_counter()
        self.release(zones)
        self.wait(zones)
        return time.perf_counter() - began

    def wait(self, zones: Sequence[str]) -> None:
        """Come back when no request of these zones is open."""
        until = time.monotonic() + PATIENCE
        question = f"SELECT EXISTS (SELECT FROM dns_requests WHERE zone = ANY(%s) AND {_OPEN})"  # noqa: S608
        while self.query(question, list(zones))[0][0]:
            assert time.monotonic() < until, "this takes too long"
            time.sleep(0.01)

    def count(self, zones: Sequence[str], status: str) -> int:
        """How many requests of these zones have a status."""
        question: LiteralString = "SELECT count(*) FROM dns_requests WHERE zone = ANY(%s) AND status = %s"
        return int(self.query(question, list(zones), status)[0][0])

    def recorded(self, zones: Sequence[str]) -> int:
        """How many RRsets of these zones are recorded."""
        question: LiteralString = "SELECT count(*) FROM dns_records WHERE zone = ANY(%s)"
        return int(self.query(question, list(zones))[0][0])

    def query(self, question: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """What PostgreSQL answers."""
        return self._database.execute(question, parameters).fetchall()

    def restart_worker(self) -> None:
        """A new worker and a new fork server, warmed up."""
        self.stack.stop("worker")
        self._servers_before = self._servers_ready()
        self.stack.start("worker")
        self.warm_up()

    def warm_up(self) -> None:
        """Let both processes of the worker have run once."""
        warm = self.stack.env.get("ANSIBLE_FORK_SERVER") != "false"
        if warm:
            until = time.monotonic() + PATIENCE
            while self._servers_ready() == self._servers_before:
                assert time.monotonic() < until, "the fork server is not ready"
                time.sleep(0.1)
        for _ in range(3 if warm else 1):
            zones = [self.new_zone() for _ in range(4)]
            self.worked_off(zones, [resource for zone in zones for resource in addresses(zone, 10)])

    def _servers_ready(self) -> int:
        return self.stack.output("worker").count(_READY)


@contextmanager
def rig(**settings: str) -> Iterator[Rig]:
    """A stack of its own with these settings, warmed up, gone at the end of the block."""
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
    """So many A records, each of a name of its own."""
    return [
        {"record_type": "A", "domain": f"h{index}.{zone}", "target": f"10.0.{index // 256}.{index % 256}"}
        for index in range(number)
    ]

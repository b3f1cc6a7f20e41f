"""API processes to send load to, each with a database of its own and without a worker."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx2
import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.rig import TIMEOUT, Rig
from stack.embedded import Stack
from stack.ports import Ports

ZONE = "load.test"
OURS, NO_DATABASE, USUAL = "app.main:app", "benchmarks.no_database:app", "benchmarks.baseline.api:app"


@dataclass(frozen=True, slots=True)
class Door:
    """A running API process."""

    port: int
    database: str  # its URL
    process: psutil.Process

    @property
    def url(self) -> str:
        """The URL at which it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> float:
        """Its resident memory, in MB."""
        return float(self.process.memory_info().rss) / 1e6


@contextmanager
def door(rig: Rig, app: str, **settings: str) -> Iterator[Door]:
    """Start a process that runs this app and serves the zone `load.test`; end it after the block."""
    with ExitStack() as ending:
        database = ending.enter_context(new_database(rig.stack))
        port = Ports.free().api
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", app, "--port", str(port)],
            env=os.environ | environment(rig.stack, database) | settings,
            stdout=ending.enter_context((rig.folder / f"{port}.log").open("wb")),
            stderr=subprocess.STDOUT,
        )
        ending.callback(_stop, process)
        made = Door(port, database, psutil.Process(process.pid))
        _until_it_answers(made)
        yield made


def guard(door: Door, account: str, grants: int) -> str:
    """Make a token for the account, and so many grants, one of them to it; return the token."""
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "token", "create", "--role", "requester", "--account", account],
        env=os.environ | {"DATABASE_URL": door.database},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    with psycopg.connect(door.database, autocommit=True) as database:
        database.execute(
            "INSERT INTO access_grants (id, effect, account_id, zone, names, types, actions, created_by)"
            " SELECT gen_random_uuid(), 'allow', CASE number WHEN 1 THEN %s ELSE 'team-' || number END,"
            " %s, '**', '{}', '{}', 'benchmark' FROM generate_series(1, %s) AS number",
            (account, ZONE, grants),
        )
        database.execute("UPDATE access_version SET version = gen_random_uuid()")
    return made.stdout.strip()


def environment(stack: Stack, database: str) -> dict[str, str]:
    """Return settings with this database, and with a Redis database where no worker listens."""
    return {
        **stack.env,
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": f"{stack.env['CELERY_BROKER_URL'].rpartition('/')[0]}/8",
        "BOOTSTRAP_ZONES": f"{ZONE}=bind",
        "BACKLOG_LIMIT": "1000000000",
        "BACKLOG_LIMIT_PER_ACCOUNT": "1000000000",
    }


@contextmanager
def new_database(stack: Stack, template: str = "template1") -> Iterator[str]:
    """Create a database and yield its URL; remove the database after the block."""
    shared, name = stack.env["DATABASE_URL"], f"load_{secrets.token_hex(4)}"
    with psycopg.connect(shared, autocommit=True) as server:
        create = SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(create.format(Identifier(name), Identifier(template)))
        try:
            yield f"{shared.rpartition('/')[0]}/{name}"
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait()


def _until_it_answers(door: Door) -> None:
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        try:
            httpx2.get(f"{door.url}/openapi.json", timeout=5)
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"the API did not answer within {TIMEOUT:g} s")

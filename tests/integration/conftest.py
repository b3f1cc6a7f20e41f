"""The app in the test's process, with a database for the test, and the Redis and BIND of the session."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from app.core import migrations
from app.core.celery_app import celery_app
from app.core.config import Settings, settings
from app.runner.process.fork_pool import ForkPool
from stack.embedded import Stack
from tests.conftest import new_name, take_zone, temporary_database
from tests.support import runs
from tests.support.powerdns import forbid_transfers
from tests.support.running_api import RunningApi
from tests.support.thoroughly import thoroughly
from tests.support.zones import ApiZoneUnderTest, ZoneUnderTest

# To truncate makes new files for each table and index, which takes longer than to delete a few rows.
_EMPTY = """
    DO $$
    DECLARE each record;
    BEGIN
        SET LOCAL session_replication_role = replica;  -- no foreign keys are checked
        FOR each IN SELECT oid::regclass AS name, pg_relation_size(oid) AS size FROM pg_class
            WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
              AND (NOT relispartition OR pg_relation_size(oid) > 1000000)
              AND relname NOT IN ('alembic_version', 'cursor_key', 'dns_open_floor', 'live_listeners')
        LOOP
            IF each.size > 1000000 THEN
                EXECUTE format('TRUNCATE %s CASCADE', each.name);
            ELSE
                EXECUTE format('DELETE FROM %s', each.name);
            END IF;
        END LOOP;
        UPDATE dns_open_floor
           SET floor = '00000000-0000-0000-0000-000000000000', next_floor = NULL, next_floor_at = NULL;
        PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence;
    END $$
"""

ZoneOn = Callable[[str], ZoneUnderTest]


@pytest.fixture
def zone_on(request: pytest.FixtureRequest, spare_zones: list[str]) -> ZoneOn:
    """Makes empty zones that no other test uses, on "bind", "knot", "powerdns" or "api" (PowerDNS's)."""

    def make(server: str) -> ZoneUnderTest:
        stack: Stack = request.getfixturevalue("infrastructure" if server == "bind" else "more_name_servers")
        if server == "bind":
            return ZoneUnderTest(stack, take_zone(stack, spare_zones), server)
        name = new_name()
        stack.add_zone(name, "powerdns" if server == "api" else server)
        if server == "powerdns":  # what no answer shows stays hidden on one server
            forbid_transfers(ApiZoneUnderTest(stack, name))
        return ApiZoneUnderTest(stack, name) if server == "api" else ZoneUnderTest(stack, name, server)

    return make


@pytest.fixture(scope="session")
def migrated_database(infrastructure: Stack) -> Iterator[str]:
    """The name of a database with the tables, to be copied: to make them anew takes ten times as long."""
    with temporary_database(infrastructure) as url:
        engine = create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
        migrations.upgrade(engine, "head")
        engine.dispose()
        yield url.rpartition("/")[2]


@pytest.fixture(scope="module")
def module_database(infrastructure: Stack, migrated_database: str) -> Iterator[str]:
    """The URL of a database for the tests of a module."""
    with temporary_database(infrastructure, migrated_database) as url:
        yield url


@pytest.fixture(scope="session")
def shared_database(
    infrastructure: Stack, migrated_database: str
) -> Iterator[tuple[str, psycopg.Connection]]:
    """The URL of a database for all tests that leave its tables as they are, and a connection to it."""
    with (
        temporary_database(infrastructure, migrated_database) as url,
        psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection,
    ):
        yield url, connection


@pytest.fixture
def emptied_database(shared_database: tuple[str, psycopg.Connection]) -> str:
    """The URL of the shared database, emptied: fifty times faster than a new one."""
    url, connection = shared_database
    connection.execute(_EMPTY)
    return url


@pytest.fixture
def app_database(emptied_database: str) -> str:
    """The URL of the app's database, which has the tables and is empty.

    A test that alters the tables, or starts processes that stay connected, has `copied_database` instead.
    """
    return emptied_database


@pytest.fixture
def copied_database(infrastructure: Stack, migrated_database: str) -> Iterator[str]:
    """The URL of a database for one test, which has the tables and is empty."""
    with temporary_database(infrastructure, migrated_database) as url:
        yield url


@pytest.fixture(scope="module")
def running_api() -> Iterator[RunningApi]:
    """The API of a module, and its connections."""
    api = RunningApi()
    yield api
    api.stop()


@pytest.fixture
def extra_settings() -> dict[str, str]:
    """What the tests of a module set beside the rest before the API starts, so that they share it."""
    return {}


@pytest.fixture
def app_settings(
    infrastructure: Stack,
    app_database: str,
    running_api: RunningApi,
    extra_settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """The settings of an app with an empty database."""
    variables = infrastructure.env | {"DATABASE_URL": app_database, "BOOTSTRAP_ZONES": ""} | extra_settings
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    running_api.use_settings()
    celery_app.conf.broker_url = settings().celery_broker_url.get_secret_value()
    yield settings()
    running_api.stop_if_elsewhere()


@pytest.fixture
def client(app_settings: Settings, running_api: RunningApi, new_zone: str) -> TestClient:
    """The API, serving the zone `new_zone`."""
    client = running_api.client()
    client.post("/api/v1/zones", json={"name": new_zone, "backend": "bind"}).raise_for_status()
    return client


@pytest.fixture(scope="session")
def fork_pool() -> Iterator[ForkPool]:
    """The fork pool of the whole session."""
    folder = Path(tempfile.mkdtemp(prefix="fork-"))  # a short path: a socket's is limited
    yield ForkPool(jobs=8, idle=60, folder=folder)
    shutil.rmtree(folder)  # which ends them


@pytest.fixture
def warm(fork_pool: ForkPool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs are forks of a loaded Ansible, and need not wait for its start."""
    monkeypatch.setattr(runs, "fork_pool", fork_pool)
    yield
    assert not fork_pool.start_backoff.path.exists(), "no fork server could be started"


@pytest.fixture(params=[thoroughly("cold"), "warm"])
def either_way(request: pytest.FixtureRequest) -> None:
    """The test is done twice: each run starts Ansible itself, and runs are forks of a loaded Ansible."""
    if request.param == "warm":
        request.getfixturevalue("warm")

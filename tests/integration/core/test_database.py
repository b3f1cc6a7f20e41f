"""The forms of DATABASE_URL, and the settings of every connection."""

from contextlib import suppress
from pathlib import Path
from typing import get_args

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, PendingRollbackError

from app.core import database
from app.core.config import Settings, settings
from app.core.database_errors import words_for
from tests.support.forked import Forked


def told(monkeypatch: pytest.MonkeyPatch, url: str, **shown: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    database.close()
    database.cached_engine.cache_clear()
    try:
        with database.transaction() as session:
            session.execute(text("SELECT 1"))
            for name, value in shown.items():
                assert session.scalar(text(f"SHOW {name}")) == value
    finally:
        database.engine().dispose()


def test_every_usual_scheme_is_understood(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, rest = app_settings.database_url.get_secret_value().partition("://")
    for scheme in ("postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"):
        told(monkeypatch, f"{scheme}://{rest}", timezone="UTC", application_name="dns-request-orchestrator")


def test_what_the_address_asks_for_counts(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = app_settings.database_url.get_secret_value()
    query = "application_name=mine&tcp_user_timeout=9000&options=-c%20search_path%3Ddns"
    told(monkeypatch, f"{plain}?{query}", application_name="mine", search_path="dns", timezone="UTC")


def test_the_isolation_is_ours(app_settings: Settings) -> None:
    """Another default, of a role or a database, would fail leases and idempotency keys (SQLSTATE 40001)."""
    with database.transaction() as session:
        name = session.scalar(text("SELECT current_database()"))
        statement = f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        session.execute(text(statement))
    database.close()
    pools: tuple[database.PoolName, ...] = get_args(database.PoolName)
    for made in (database.engine(), *map(database.engine, pools)):
        with made.connect() as connection:
            assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"


def go_on_without_a_connection(address: str) -> None:
    """Take the loss of the connection for the fault of one statement, and execute another one."""
    with database.transaction() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(address, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with suppress(OperationalError):
            session.execute(text("SELECT 1"))
        session.execute(text("SELECT 1"))


def test_a_transaction_that_goes_on_after_its_connection_was_lost(app_settings: Settings) -> None:
    with pytest.raises(PendingRollbackError) as caught:
        go_on_without_a_connection(app_settings.database_url.get_secret_value())
    assert words_for(caught.value)[0] == "database_unavailable"


@pytest.mark.parametrize(
    "where", ["postgresql://dns@%2Fnowhere%2Fpg/dns", "postgresql://dns@/dns?host=/nowhere/pg"]
)
def test_a_unix_socket(app_settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    with pytest.raises(OperationalError, match=r"/nowhere/pg/\.s\.PGSQL"):
        told(monkeypatch, where)


def test_processes_that_start_together_migrate_once(app_settings: Settings, tmp_path: Path) -> None:
    migrate = ("-c", "from app.core import database; database.upgrade()")
    started = [Forked(migrate, {}, tmp_path / str(number)) for number in range(3)]
    assert [process.wait() for process in started] == [0] * 3
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_a_connection_that_is_in_use_when_all_are_closed_is_closed_when_it_is_given_back(
    app_settings: Settings,
) -> None:
    with database.statements() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        database.close()
        assert connection.scalar(text("SELECT 1")) == 1
    assert driver.closed


def test_connections_that_the_server_has_closed_are_replaced(app_settings: Settings) -> None:
    with database.transaction() as session, database.statements() as connection:
        asked = text("SELECT pg_backend_pid()")
        mine = [executor.execute(asked).scalar_one() for executor in (session, connection)]
    with psycopg.connect(app_settings.database_url.get_secret_value()) as other:
        ended = other.execute("SELECT pg_terminate_backend(pid, 60000) FROM unnest(%s) AS pid", [mine])
        assert ended.fetchall() == [(True,), (True,)]
    with database.transaction() as session, database.statements() as connection:
        assert session.scalar(asked) not in mine
        assert connection.scalar(asked) not in mine


@pytest.mark.parametrize(
    ("pool", "limit"),
    [(None, "26s"), ("statements", "26s"), ("reads", "10s"), ("probes", "3s"), ("access", "11s")],
)
def test_no_statement_goes_on_for_which_nobody_waits(
    app_settings: Settings, pool: database.PoolName | None, limit: str
) -> None:
    """A connection that is given up tells the server nothing while a statement runs."""
    assert {None, *get_args(database.PoolName)} == {None, "statements", "reads", "probes", "access"}
    database.note_that_clients_wait()
    database.close()
    database.cached_engine.cache_clear()
    made = database.engine(pool) if pool else database.engine()
    with made.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == limit


def test_a_worker_has_time_for_large_imports_and_no_more(app_settings: Settings, tmp_path: Path) -> None:
    program = (
        "from sqlalchemy import text; from app.core.database import transaction\n"
        "with transaction() as session: print(session.scalar(text('SHOW statement_timeout')))"
    )
    worker = Forked(["-c", program], {}, tmp_path / "log")
    assert worker.wait() == 0
    assert worker.output.strip().endswith("30min")

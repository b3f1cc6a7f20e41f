"""The engine, the sessions and the migrations."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.config import settings

Executor = Session | Connection  # what executes a statement

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_MIGRATION_LOCK = 0x444E53  # any number, the same in every process


# How to connect where `DATABASE_URL` does not say otherwise: a line that has gone dead is given up.
_USUAL: dict[str, str | int] = {
    "application_name": "dns-request-orchestrator",
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 15_000,  # milliseconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 2,
}
# What the server is told. A client whose machine is gone holds its locks until the server gives it up: two
# hours, as it usually is.
_OPTIONS = (
    "-c tcp_keepalives_idle=10",
    "-c tcp_keepalives_interval=5",
    "-c tcp_keepalives_count=2",
    "-c idle_in_transaction_session_timeout=60s",
    "-c lock_timeout=30s",
)


@lru_cache
def engine(isolation_level: Literal["AUTOCOMMIT"] | None = None) -> Engine:
    """The process's connection pool, one for each isolation level; what was closed meanwhile is replaced."""
    url = _url()
    made = create_engine(url, isolation_level=isolation_level, **_pool(url))
    event.listen(made, "checkout", _refuse_closed)
    return made


def async_engine() -> AsyncEngine:
    """A pool for one event loop, on which each statement is a transaction; dispose of it in that loop."""
    url = _url()
    made = create_async_engine(url, isolation_level="AUTOCOMMIT", **_pool(url))
    event.listen(made.sync_engine, "checkout", _refuse_closed)
    return made


def _url() -> URL:
    url = settings().database
    if url.host:
        url = url.set(host=unquote(url.host))  # a socket's directory is written %2Fvar%2Frun%2Fpostgresql
    return url


def _pool(url: URL) -> dict[str, Any]:
    return {
        "pool_size": 20,
        "max_overflow": 20,
        "hide_parameters": True,  # what requesters wrote does not belong into the log
        "connect_args": _connect_args(url),
    }


def _refuse_closed(_: object, entry: ConnectionPoolEntry, __: object) -> None:
    """Let the pool take another one: what can be read from an idle connection is how the server closed it.

    To ask the server each time would say the same, but take as long as many a statement.
    """
    connection = entry.driver_connection
    poll = select.poll()
    if connection is None or connection.closed:
        raise DisconnectionError
    poll.register(connection, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


def _connect_args(url: URL) -> dict[str, str | int]:
    given = url.normalized_query
    options = " ".join((*_OPTIONS, *given.get("options", ()), "-c timezone=UTC"))
    return {name: value for name, value in _USUAL.items() if name not in given} | {"options": options}


@contextmanager
def transaction() -> Iterator[Session]:
    """A session in one transaction: committed at the end of the block, rolled back on an exception."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def statements() -> Iterator[Connection]:
    """A connection on which each statement is a transaction: BEGIN and COMMIT would cost as much again."""
    with engine("AUTOCOMMIT").connect() as connection:
        yield connection


def upgrade() -> None:
    """Bring the schema to the newest revision; processes that start together take turns."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine().begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # others may take their time
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def close() -> None:
    """Close all connections that are not in use."""
    engine().dispose()
    engine("AUTOCOMMIT").dispose()


def forget_connections() -> None:
    """Drop the pools that a forked child inherited, without touching the parent's sockets."""
    engine().dispose(close=False)
    engine("AUTOCOMMIT").dispose(close=False)

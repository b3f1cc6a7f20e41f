"""The database engine, its sessions and the migrations."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import unquote

from psycopg.errors import DeadlockDetected
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.core import migrations
from app.core.config import settings

AnySession = Session | Connection  # in a transaction, or in autocommit mode


# How to connect where `DATABASE_URL` does not say otherwise: a dead connection is given up.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "dns-request-orchestrator",
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 15_000,  # milliseconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 2,
}
# The server's settings for our sessions. By default it keeps a connection, and its locks, for two hours after
# the client's machine has gone.
_OPTIONS = (
    "-c tcp_keepalives_idle=10",
    "-c tcp_keepalives_interval=5",
    "-c tcp_keepalives_count=2",
    "-c idle_in_transaction_session_timeout=60s",
    "-c lock_timeout=30s",
)


@lru_cache
def engine(isolation_level: Literal["AUTOCOMMIT"] | None = None) -> Engine:
    """Return the process's connection pool, one for each isolation level; closed connections are replaced."""
    url = _url()
    made = create_engine(url, isolation_level=isolation_level, **_pool(url))
    event.listen(made, "checkout", _refuse_closed)
    return made


def async_engine() -> AsyncEngine:
    """Return a pool for one event loop, in autocommit mode; dispose of it in that loop."""
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
        "hide_parameters": True,  # keeps what requesters wrote out of the log
        "connect_args": _connect_args(url),
    }


def _refuse_closed(_: object, entry: ConnectionPoolEntry, __: object) -> None:
    """Let the pool replace a connection that has something to read: an idle one has only when it was closed.

    A query would tell the same, but takes as long as many a statement.
    """
    connection = entry.driver_connection
    if connection is None or connection.closed:
        raise DisconnectionError
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


def _connect_args(url: URL) -> dict[str, str | int]:
    given = url.normalized_query
    options = " ".join((*_OPTIONS, *given.get("options", ()), "-c timezone=UTC"))
    return {name: value for name, value in _DEFAULTS.items() if name not in given} | {"options": options}


@contextmanager
def transaction() -> Iterator[Session]:
    """A session in one transaction: committed at the end of the block, rolled back on an exception."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def statements() -> Iterator[Connection]:
    """A connection in autocommit mode: for one statement, BEGIN and COMMIT would double the round trips."""
    with engine("AUTOCOMMIT").connect() as connection:
        yield connection


def is_deadlock(error: DBAPIError) -> bool:
    """Return whether PostgreSQL has ended the transaction because it and another waited for each other."""
    return isinstance(error.orig, DeadlockDetected)


def ping() -> None:
    """Ask the database for an answer. Raises what SQLAlchemy raises when there is none."""
    with transaction() as session:
        session.execute(text("SELECT 1")).one()


def upgrade(revision: str = "head") -> None:
    """Bring the schema to the newest revision, beside running processes; see `migrations.py`."""
    migrations.upgrade(engine(), revision)


def require_schema() -> None:
    """Raise SchemaOutdated unless somebody has brought the schema to the newest revision."""
    migrations.require_newest(engine())


def close() -> None:
    """Close all connections that are not in use."""
    engine().dispose()
    engine("AUTOCOMMIT").dispose()


def forget_connections() -> None:
    """Drop the pools that a forked child inherited, without touching the parent's sockets."""
    engine().dispose(close=False)
    engine("AUTOCOMMIT").dispose(close=False)

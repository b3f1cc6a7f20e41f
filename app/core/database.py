"""The database engine, its sessions and the migrations."""

import os
import select
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Literal, get_args
from urllib.parse import unquote

from psycopg import AsyncConnection
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from app.core import migrations
from app.core.answer_deadlines import watch_answers
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
    r"-c default_transaction_isolation=read\ committed",  # a role's or a database's default may be another
)

PoolName = Literal["statements", "reads", "probes", "access"]
PROBE_TIMEOUT = 2.0  # seconds
MAX_STATEMENT = 1_800.0  # seconds of a statement for which no client waits: a large import, an export
_CANCEL_DELAY = 1.0  # seconds after which PostgreSQL ends a statement whose client has been answered already
_POOL_TIMEOUT = 5.0  # seconds to wait for a free connection


@dataclass(frozen=True)
class _Pool:
    """What a pool is for: its connections, their options, and how long (seconds) a statement may take.

    An API also gives up a connection that is in use for longer than `answer_within`.
    """

    size: int
    statement_within: float
    options: tuple[str, ...] = ()
    autocommit: bool = False
    answer_within: float | None = None


def _pool(name: PoolName | None) -> _Pool:
    limit = settings().database_timeout
    longest = max(limit, settings().batch_timeout)
    write_within = longest + _CANCEL_DELAY if _clients_wait else MAX_STATEMENT
    match name:
        case "reads":
            options = ("-c default_transaction_read_only=on",)
            return _Pool(10, limit, options, answer_within=limit + _CANCEL_DELAY)
        case "probes":
            within = PROBE_TIMEOUT + _CANCEL_DELAY
            return _Pool(1, within, autocommit=True, answer_within=PROBE_TIMEOUT)
        case "access":  # what every call waits for waits for no other call
            return _Pool(1, limit + _CANCEL_DELAY, autocommit=True, answer_within=limit)
        case "statements":
            return _Pool(8, write_within, autocommit=True, answer_within=longest)
    return _Pool(20, write_within, answer_within=longest)


class _ClosingPool(QueuePool):
    """A pool that also closes what was in use when it was disposed of, once that comes back."""

    _disposed = False

    def dispose(self) -> None:
        self._disposed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._disposed:
            super().dispose()


_clients_wait = False


def note_that_clients_wait() -> None:
    """Have PostgreSQL end each statement of this process for which no client waits any more.

    An API calls it before it connects. Otherwise what its clients have given up goes on, and more comes.
    """
    global _clients_wait
    _clients_wait = True


_making = Lock()
# A child that is forked while another thread has the lock would wait for it for ever.
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


def engine(name: PoolName | None = None) -> Engine:
    """Return one of the process's connection pools; closed connections are replaced.

    Without a name it is the one for transactions.
    """
    with _making:  # of two that were made at once by two threads, nobody would close one
        return cached_engine(name)


@lru_cache
def cached_engine(name: PoolName | None) -> Engine:
    """Make a pool when it is first asked for. Call `engine`, which lets threads take turns."""
    pool = _pool(name)
    made = create_engine(_url(), poolclass=_ClosingPool, **_arguments(pool))
    event.listen(made, "checkout", _refuse_closed)
    watch_answers(made, pool.answer_within)
    return made


def async_engine(size: int, lock_timeout: float) -> AsyncEngine:
    """Return a pool for one event loop, in autocommit mode; dispose of it in that loop.

    `lock_timeout` is how many seconds a statement waits for a lock.
    """
    options = (f"-c lock_timeout={round(lock_timeout * 1_000)}",)
    limit = settings().database_timeout
    pool = _Pool(size, limit + _CANCEL_DELAY, options, autocommit=True, answer_within=limit)
    made = create_async_engine(_url(), **_arguments(pool))
    event.listen(made.sync_engine, "checkout", _refuse_closed)
    watch_answers(made.sync_engine, pool.answer_within)
    return made


def _url() -> URL:
    url = settings().database
    if url.host:
        url = url.set(host=unquote(url.host))  # a socket's directory is written %2Fvar%2Frun%2Fpostgresql
    return url


def _arguments(pool: _Pool) -> dict[str, Any]:
    return {
        "isolation_level": "AUTOCOMMIT" if pool.autocommit else None,
        "pool_size": (pool.size + 1) // 2,  # that stay open
        "max_overflow": pool.size // 2,
        "pool_timeout": _POOL_TIMEOUT,
        "hide_parameters": True,  # keeps what requesters wrote out of the log
        "connect_args": _connect_args(_url(), pool.statement_within, pool.options),
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


def _connect_args(url: URL, statement_within: float, own_options: Iterable[str] = ()) -> dict[str, str | int]:
    given = url.normalized_query
    timeout = f"-c statement_timeout={round(statement_within * 1_000)}"
    options = " ".join((*_OPTIONS, timeout, *own_options, *given.get("options", ()), "-c timezone=UTC"))
    return {name: value for name, value in _DEFAULTS.items() if name not in given} | {"options": options}


@contextmanager
def transaction() -> Iterator[Session]:
    """A session in one transaction: committed at the end of the block, rolled back on an exception."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads, for a client: what takes longer than `DATABASE_TIMEOUT` is given up."""
    with Session(engine("reads"), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def statements() -> Iterator[Connection]:
    """A connection in autocommit mode: for one statement, BEGIN and COMMIT would double the round trips."""
    with engine("statements").connect() as connection:
        yield connection


@contextmanager
def access_statements() -> Iterator[Connection]:
    """A connection in autocommit mode for what decides who may call: nothing else uses it."""
    with engine("access").connect() as connection:
        yield connection


@contextmanager
def savepoint(session: AnySession) -> Iterator[None]:
    """A block that can fail without the transaction around it. In autocommit mode there is none."""
    connection = session.connection() if isinstance(session, Session) else session
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        yield
    else:
        with session.begin_nested():
            yield


async def lone_connection() -> AsyncConnection:
    """Return a connection in autocommit mode that is of no pool, for what PostgreSQL tells who listens.

    Raises psycopg.Error.
    """
    _, parameters = engine("probes").dialect.create_connect_args(_url())
    return await AsyncConnection.connect(
        **{**parameters, **_connect_args(_url(), PROBE_TIMEOUT)}, autocommit=True
    )


def ping() -> None:
    """Ask the database for an answer. Raises what SQLAlchemy raises when there is none."""
    with engine("probes").connect() as connection:
        connection.execute(text("SELECT 1")).one()


def upgrade(revision: str = "head") -> str | None:
    """Bring the schema to the newest revision, beside running processes, and return it."""
    return migrations.upgrade(engine(), revision)


def require_schema() -> None:
    """Raise SchemaOutdated unless somebody has brought the schema to the newest revision."""
    migrations.require_newest(engine())


def close() -> None:
    """Close all connections: those in use when they are given back."""
    engine().dispose()
    for name in get_args(PoolName):
        engine(name).dispose()


def forget_connections() -> None:
    """Drop the pools that a forked child inherited, without touching the parent's sockets."""
    engine().dispose(close=False)
    for name in get_args(PoolName):
        engine(name).dispose(close=False)

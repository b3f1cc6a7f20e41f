"""The engine, the sessions and the migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from app.core.config import settings

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_MIGRATION_LOCK = 0x444E53  # any number, the same in every process


@lru_cache
def engine() -> Engine:
    """The process's connection pool; connections are checked before use."""
    return create_engine(
        settings().database,
        pool_size=20,
        max_overflow=20,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "dns-request-orchestrator",
            "options": "-c timezone=UTC",
        },
    )


@contextmanager
def transaction() -> Iterator[Session]:
    """A session in one transaction: committed at the end of the block, rolled back on an exception."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


def upgrade() -> None:
    """Bring the schema to the newest revision; processes that start together take turns."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine().begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def forget_connections() -> None:
    """Drop the pool that a forked child inherited, without touching the parent's sockets."""
    engine().dispose(close=False)

"""The schema's migrations, made beside processes that are at work on the tables.

A statement that needs a table for itself waits for everybody who uses it, and everybody who comes later waits
behind it. So it gives up soon, lets the others pass, and tries again. What revisions do so is in
`app.core.schema_changes`. Alembic is imported where something is to be migrated: all processes start sooner.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from app.core.backoff import Backoff
from app.core.logging import get_logger

if TYPE_CHECKING:
    from alembic.config import Config

log = get_logger(__name__)

LOCK_TIMEOUT = (
    2  # seconds; more than the second after which PostgreSQL cancels an autovacuum that is in the way
)
LOCK_PAUSES = (1.0, 30.0)  # seconds after such a try, which double from the first up to the longest
FOLDER = Path(__file__).resolve().parents[2] / "migrations"
_TURN = 0x444E53  # the advisory lock of who migrates: any number that is the same in every process
_TURN_POLL = 0.2  # seconds

_SESSION = f"SET lock_timeout = '{LOCK_TIMEOUT}s'; SET statement_timeout = 0"
_HOLDERS = text(
    """
    SELECT DISTINCT activity.pid, activity.application_name, activity.state,
           extract(epoch FROM now() - activity.xact_start)::int AS seconds
      FROM pg_locks AS held
      JOIN pg_stat_activity AS activity USING (pid)
      JOIN pg_class AS relation ON relation.oid = held.relation
     WHERE held.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND relation.relnamespace = current_schema()::regnamespace AND held.pid <> pg_backend_pid()
     ORDER BY seconds DESC NULLS LAST LIMIT 5
    """
)


class SchemaOutdated(Exception):
    """The database's schema is older than this release, which is not to change it (`MIGRATE=off`)."""


def upgrade(engine: Engine, revision: str = "head") -> str | None:
    """Bring the schema to that revision, and return the one that it has now; processes take turns.

    Waits, and says so, while somebody uses a table that has to be changed. A schema that is newer than this
    release stays as it is.
    """
    with _turn(engine), _patient_connection(engine) as connection:
        current = _current_revision(connection)
        if _is_newer(current):
            log.warning("schema not migrated: it is newer than this release", revision=current)
            return current
        if revision == "head" and current == newest_revision():
            return current
        config = alembic_config()
        config.attributes["connection"] = connection
        config.attributes["is_new"] = current is None
        _upgrade_until_done(connection, config, revision)
        return _current_revision(connection)


def require_newest(engine: Engine) -> None:
    """Raise SchemaOutdated when the schema is older than this release."""
    with engine.connect() as connection:
        current = _current_revision(connection)
    if _is_newer(current):
        log.warning("the schema is newer than this release", revision=current)
        return
    newest = newest_revision()
    if current != newest:
        raise SchemaOutdated(
            f"the schema is at revision {current or 'none'}, this release needs {newest}:"
            " run `python -m app.cli migrate` as the tables' owner, or set MIGRATE=auto"
        )


def alembic_config() -> "Config":
    """Return what Alembic's commands need to know."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


@cache
def known_revisions() -> frozenset[str]:
    """Return the revisions that this release has: the numbers with which their files' names begin."""
    return frozenset(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def newest_revision() -> str:
    """Return the revision that this release brings."""
    return max(known_revisions())


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Wait until no other process migrates, and keep the others waiting for the block."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": _TURN}
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            time.sleep(_TURN_POLL)
        try:
            yield
        finally:
            connection.scalar(text("SELECT pg_advisory_unlock(:key)"), key)


@contextmanager
def _patient_connection(engine: Engine) -> Iterator[Connection]:
    """A connection that waits for locks as migrations do, and goes to nobody else afterwards."""
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(_SESSION)
            connection.commit()
            yield connection
        finally:
            connection.invalidate()


def _current_revision(connection: Connection) -> str | None:
    there = connection.scalar(text("SELECT to_regclass('alembic_version')"))
    current = connection.scalar(text("SELECT version_num FROM alembic_version")) if there else None
    connection.rollback()
    return current


def _is_newer(current: str | None) -> bool:
    """Return whether the schema's revision is one that this release does not know."""
    return bool(current) and current not in known_revisions()


def _upgrade_until_done(connection: Connection, config: "Config", revision: str) -> None:
    from alembic import command

    backoff, tries = Backoff(*LOCK_PAUSES), 0
    while True:
        try:
            command.upgrade(config, revision)
        except OperationalError as error:
            connection.rollback()
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
        else:
            return
        pause = backoff.pause(tries)
        tries += 1
        log.warning(
            "schema not migrated yet: others use a table that has to be changed; tried again",
            used_by=_holders(connection),
            pause=round(pause, 1),
        )
        time.sleep(pause)


def _holders(connection: Connection) -> list[str]:
    """Say who uses the tables, those first who have for longest."""
    rows = connection.execute(_HOLDERS).all()
    connection.rollback()
    return [
        f"process {row.pid} ({row.application_name or 'no name'}, {row.state}) for {row.seconds or 0} s"
        for row in rows
    ]

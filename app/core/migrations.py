"""The schema's migrations, made beside processes that are at work on the tables.

A statement that needs a table for itself waits for everybody who uses it, and everybody who comes later waits
behind it. So it gives up soon, lets the others pass, and tries again. What reads whole tables (indexes,
validated constraints) needs none for itself: the functions below do it outside of a transaction.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import OperationalError

from app.core import partitioning
from app.core.backoff import Backoff
from app.core.logging import get_logger

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
_INVALID = text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


class SchemaOutdated(Exception):
    """The database's schema is older than this release, which is not to change it (`MIGRATE=off`)."""


def upgrade(engine: Engine, revision: str = "head") -> str | None:
    """Bring the schema to that revision, and return the one that it has now; processes take turns.

    Waits, and says so, while somebody uses a table that has to be changed. A schema that is newer than this
    release stays as it is.
    """
    config = alembic_config()
    with _turn(engine), _patient_connection(engine) as connection:
        if newer := _unknown_revision(connection, config):
            log.warning("schema not migrated: it is newer than this release", revision=newer)
            return newer
        config.attributes["connection"] = connection
        config.attributes["is_new"] = _current_revision(connection) is None
        _upgrade_until_done(connection, config, revision)
        return _current_revision(connection)


def require_newest(engine: Engine) -> None:
    """Raise SchemaOutdated when the schema is older than this release."""
    config = alembic_config()
    with engine.connect() as connection:
        current = _current_revision(connection)
        if newer := _unknown_revision(connection, config):
            log.warning("the schema is newer than this release", revision=newer)
            return
    newest = newest_revision()
    if current != newest:
        raise SchemaOutdated(
            f"the schema is at revision {current or 'none'}, this release needs {newest}:"
            " run `python -m app.cli migrate` as the tables' owner, or set MIGRATE=auto"
        )


def alembic_config() -> Config:
    """Return what Alembic's commands need to know."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def newest_revision() -> str | None:
    """Return the revision that this release brings."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def build_index(
    name: str, table: str, columns: Sequence[str | TextClause], *, where: str | None = None
) -> None:
    """Create an index of a table that others write to meanwhile. In a revision that does nothing else.

    Of a table in partitions, each gets its own, and then they are one.
    """
    definition = f"({', '.join(map(str, columns))}){f' WHERE {where}' if where else ''}"
    with _outside_of_transactions():
        if op.get_bind().scalar(text(f"SELECT EXISTS (SELECT FROM {table})")):  # noqa: S608
            log.info("index is being built; it waits for transactions that are open", index=name)
        partitions = partitioning.list_names(op.get_bind(), table)
        if not partitions:
            _build_index_of_one(name, table, definition)
            return
        _without_waiting(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {definition}")
        for partition in partitions:
            own = f"{name}_{partition.removeprefix(table + '_')}"
            _build_index_of_one(own, partition, definition)
            _without_waiting(f"ALTER INDEX {name} ATTACH PARTITION {own}")


def drop_index(name: str, table: str) -> None:
    """Drop an index of a table that others use meanwhile. In a revision that does nothing else."""
    with _outside_of_transactions():
        if partitioning.is_partitioned(op.get_bind(), table):
            _without_waiting(f"DROP INDEX IF EXISTS {name}")  # it can't be done concurrently
        else:
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)


def _build_index_of_one(name: str, table: str, definition: str) -> None:
    if op.get_bind().scalar(_INVALID, {"name": name}):  # left behind by one that was interrupted
        op.execute(f"DROP INDEX CONCURRENTLY {name}")
    op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {definition}")


def _without_waiting(statement: str) -> None:
    """Execute what keeps writers waiting, if only for a moment: it gives up soon, and is tried again."""
    op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}s'")
    op.execute(statement)
    op.execute("SET lock_timeout = 0")


def add_check(name: str, table: str, condition: str) -> None:
    """Add a constraint that counts for new rows only, until a later revision calls `validate`."""
    op.create_check_constraint(op.f(name), table, text(condition), postgresql_not_valid=True)


def validate(name: str, table: str) -> None:
    """Check the rows that were there before the constraint. In a revision that does nothing else."""
    with _outside_of_transactions():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def outside_of_transactions(statement: str) -> None:
    """Execute what takes long and can be repeated. In a revision that does nothing else."""
    with _outside_of_transactions():
        op.execute(statement)


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


def _unknown_revision(connection: Connection, config: Config) -> str | None:
    """Return the schema's revision when this release does not know it."""
    current = _current_revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return current if current and current not in known else None


def _upgrade_until_done(connection: Connection, config: Config, revision: str) -> None:
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


@contextmanager
def _outside_of_transactions() -> Iterator[None]:
    """Work without a transaction, and wait for locks as long as it takes: nobody queues behind these."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        try:
            yield
        finally:
            op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}s'")

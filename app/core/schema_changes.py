"""What revisions of the schema do beside processes that are at work on the tables.

What reads whole tables (indexes, validated constraints) needs no table for itself: it is done outside of a
transaction, and waits for nobody who would then keep others waiting.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op
from sqlalchemy import TextClause, text

from app.core import partitioning
from app.core.logging import get_logger
from app.core.migrations import LOCK_TIMEOUT

log = get_logger(__name__)

_INVALID = text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


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
def _outside_of_transactions() -> Iterator[None]:
    """Work without a transaction, and wait for locks as long as it takes: nobody queues behind these."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        try:
            yield
        finally:
            op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}s'")

"""Plain tables that become tables in partitions, with all that belongs to them, and the way back."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, text

from app.core.partitioning import (
    LIKE,
    Partitioned,
    Span,
    attach_default,
    bound_after,
    id_at,
    is_partitioned,
)

_PREPARE_LOCK_TIMEOUT = 2  # seconds
_INDEXES = text(
    """
    SELECT entry.indexrelid::regclass::text AS name, pg_get_indexdef(entry.indexrelid) AS definition,
           entry.indisunique AS is_unique
      FROM pg_index AS entry WHERE entry.indrelid = to_regclass(:table) ORDER BY 1
    """
)
_TRIGGERS = text(
    """
    SELECT tgname AS name, pg_get_triggerdef(oid) AS definition FROM pg_trigger
     WHERE tgrelid = to_regclass(:table) AND NOT tgisinternal ORDER BY tgname
    """
)
_IDENTITIES = text(
    """
    SELECT attname AS name, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS generated,
           sequence.seqincrement AS step, sequence.seqrelid::regclass::text AS sequence
      FROM pg_attribute JOIN pg_sequence AS sequence
        ON sequence.seqrelid = pg_get_serial_sequence(CAST(:table AS text), attname)::regclass
     WHERE attrelid = to_regclass(:table) AND attidentity <> ''
    """
)
_GRANTS = text(
    """
    SELECT format('GRANT %s ON %s %s TO %s', privilege_type,
                  CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, CAST(:relation AS text),
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
      FROM pg_class, aclexplode(relacl)
     WHERE oid = to_regclass(:relation) AND grantee <> relowner
    """
)


def end_of_first(now: datetime, span: Span = "month") -> UUID:
    """Return the end of the first partition of a table that becomes one in partitions now."""
    return id_at(bound_after(now, span))


def switch(connection: Connection, table: Partitioned, end: UUID) -> None:
    """Make the plain table the first partition of a new one that has its name; its keys are below `end`.

    In a transaction of the caller's, which needs the table for itself. No row is read where a constraint says
    already that all keys are below the end.
    """
    connection.exec_driver_sql(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE")
    for statement in table.to_switch:
        connection.exec_driver_sql(statement)
    _give_primary_key(connection, table)
    for statement in _to_switch(connection, table, f"{table.name}_first", end):
        connection.exec_driver_sql(statement.replace("%", "%%"))
    attach_default(connection, table)


def prepare(connection: Connection, table: Partitioned, end: UUID) -> None:
    """Do what reads a whole plain table before it is switched, beside those who use it.

    In autocommit mode; may be repeated.
    """
    name, check = table.name, f"ck_{table.name}_first"
    connection.exec_driver_sql(f"SET lock_timeout = '{_PREPARE_LOCK_TIMEOUT}s'")
    connection.exec_driver_sql(f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {check}")
    connection.exec_driver_sql(
        f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({table.key} < '{end}') NOT VALID"
    )
    connection.exec_driver_sql("SET lock_timeout = 0")  # nobody waits behind these
    connection.exec_driver_sql(f"ALTER TABLE {name} VALIDATE CONSTRAINT {check}")
    if table.primary_key != (table.key,):
        index = _index_of_key(table)
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
        columns = ", ".join(table.primary_key)
        connection.exec_driver_sql(f"CREATE UNIQUE INDEX CONCURRENTLY {index} ON {name} ({columns})")


def _give_primary_key(connection: Connection, table: Partitioned) -> None:
    """Give the plain table the primary key of one in partitions, by the index that `prepare` has built."""
    name, index = table.name, _index_of_key(table)
    if table.primary_key == (table.key,):
        return
    built = connection.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": index})
    key = f"USING INDEX {index}" if built else f"({', '.join(table.primary_key)})"
    connection.exec_driver_sql(f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY {key}")


def _index_of_key(table: Partitioned) -> str:
    """Return the name of the index that becomes the primary key of a plain table's first partition."""
    return f"uq_{table.name}_{table.key}"


class _Parts(NamedTuple):
    """What goes with a table's name when another table takes it."""

    indexes: Sequence[Row[Any]]
    triggers: Sequence[Row[Any]]
    without_identities: Sequence[str]  # statements
    identities: Sequence[str]
    grants: Sequence[str]


def _parts(connection: Connection, name: str) -> _Parts:
    grants = list(connection.scalars(_GRANTS, {"relation": name}))
    without, identities = [], []
    for each in connection.execute(_IDENTITIES, {"table": name}).all():
        grants += connection.scalars(_GRANTS, {"relation": each.sequence})
        following = connection.scalar(text("SELECT nextval(to_regclass(:name))"), {"name": each.sequence})
        without.append(f"ALTER TABLE {name} ALTER {each.name} DROP IDENTITY")
        identities.append(
            f"ALTER TABLE {name} ALTER {each.name} ADD GENERATED {each.generated} AS IDENTITY"
            f" (INCREMENT BY {each.step} START WITH {following})"
        )
    return _Parts(
        connection.execute(_INDEXES, {"table": name}).all(),
        connection.execute(_TRIGGERS, {"table": name}).all(),
        without,
        identities,
        grants,
    )


def _to_rename(name: str, other: str, parts: _Parts) -> Iterator[str]:
    yield from parts.without_identities
    yield from (f"DROP TRIGGER {trigger.name} ON {name}" for trigger in parts.triggers)
    yield f"ALTER TABLE {name} RENAME TO {other}"
    yield from (f"ALTER INDEX {index.name} RENAME TO {other}_{n}" for n, index in enumerate(parts.indexes))


def _to_switch(connection: Connection, table: Partitioned, first: str, end: UUID) -> Iterator[str]:
    name = table.name
    parts = _parts(connection, name)
    yield from _to_rename(name, first, parts)
    yield f"CREATE TABLE {name} (LIKE {first} {LIKE}) PARTITION BY RANGE ({table.key})"
    yield from parts.identities
    yield from parts.grants
    yield f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY ({', '.join(table.primary_key)})"
    yield from (index.definition for index in parts.indexes if not index.is_unique)
    yield f"ALTER TABLE {name} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ('{end}')"
    yield f"ALTER TABLE {first} SET ({table.storage})"
    for each in (name, first):
        yield f"ALTER TABLE {each} DROP CONSTRAINT IF EXISTS ck_{name}_first"
    yield from (trigger.definition for trigger in parts.triggers)


def join(connection: Connection, table: Partitioned) -> None:
    """Make a plain table of one in partitions, for a release that can't work on those: copies all rows.

    In a transaction of the caller's, which keeps everybody else from the table.
    """
    if is_partitioned(connection, table.name):
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE")
        for statement in _to_join(connection, table):
            connection.exec_driver_sql(statement.replace("%", "%%"))


def _to_join(connection: Connection, table: Partitioned) -> Iterator[str]:
    name, others = table.name, f"{table.name}_partitions"
    parts = _parts(connection, name)
    yield from _to_rename(name, others, parts)
    yield f"CREATE TABLE {name} (LIKE {others} {LIKE})"
    yield f"INSERT INTO {name} SELECT * FROM {others}"  # noqa: S608
    yield f"DROP TABLE {others}"
    yield from parts.identities
    yield from parts.grants
    yield from table.to_join
    yield from (_of_all(index.definition) for index in parts.indexes if not index.is_unique)
    yield from (trigger.definition for trigger in parts.triggers)


def _of_all(definition: str) -> str:
    """Return the definition of an index of a table in partitions as that of a plain one."""
    return definition.replace(" ON ONLY ", " ON ", 1)

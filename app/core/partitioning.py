"""Tables in partitions by time, and how partitions are made.

The key of such a table is a UUID of version 7, which begins with the time in milliseconds. What no partition
is for goes into the default one: a clock that is wrong, or a partition that nobody has made in time, stops
nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.orm import Session

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)  # the lowest and the highest key


MOST_MOVED = 10_000  # rows of the default partition that get into a new one
Span = Literal["day", "week", "month"]


class Partitioned(NamedTuple):
    """A table in partitions."""

    name: str
    key: str  # the column that says in which one a row is
    primary_key: tuple[str, ...]
    storage: str  # parameters of each partition
    to_switch: tuple[str, ...] = ()  # takes away what a plain table has, and one in partitions has not
    to_join: tuple[str, ...] = ()  # gives it back


# Before much of a partition is dead, and soon after it has begun to fill
_VACUUM = (
    "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05,"
    " autovacuum_analyze_scale_factor = 0.02"
)
TABLES = (
    Partitioned(
        "dns_requests",
        "id",
        ("id",),
        f"fillfactor = 50, {_VACUUM}",
        (
            "DROP TRIGGER IF EXISTS keep_idempotency_key ON dns_requests",
            "DROP INDEX IF EXISTS uq_dns_requests_idempotency",
        ),
        (
            "ALTER TABLE dns_requests ADD CONSTRAINT pk_dns_requests PRIMARY KEY (id)",
            "CREATE UNIQUE INDEX uq_dns_requests_idempotency ON dns_requests (account_id, idempotency_key)"
            " WHERE idempotency_key IS NOT NULL",
            "CREATE TRIGGER keep_idempotency_key BEFORE INSERT ON dns_requests FOR EACH ROW"
            " WHEN (NEW.idempotency_key IS NOT NULL) EXECUTE FUNCTION keep_idempotency_key()",
        ),
    ),
    Partitioned(
        "dns_request_events",
        "request_id",
        ("request_id", "id"),
        _VACUUM,
        (
            "ALTER TABLE dns_request_events DROP CONSTRAINT IF EXISTS pk_dns_request_events",
            "DROP INDEX IF EXISTS ix_dns_request_events_request_id",
        ),
        (
            "ALTER TABLE dns_request_events ADD CONSTRAINT pk_dns_request_events PRIMARY KEY (id)",
            "CREATE INDEX ix_dns_request_events_request_id ON dns_request_events (request_id)",
        ),
    ),
    Partitioned(
        "ansible_run_events",
        "run_id",
        ("run_id", "id"),
        _VACUUM,
        (
            "ALTER TABLE ansible_run_events DROP CONSTRAINT IF EXISTS fk_ansible_run_events_run_id",
            "ALTER TABLE ansible_run_events DROP CONSTRAINT IF EXISTS pk_ansible_run_events",
            "DROP INDEX IF EXISTS ix_ansible_run_events_run_id",
        ),
        (
            "ALTER TABLE ansible_run_events ADD CONSTRAINT pk_ansible_run_events PRIMARY KEY (id)",
            "CREATE INDEX ix_ansible_run_events_run_id ON ansible_run_events (run_id)",
            "ALTER TABLE ansible_run_events ADD CONSTRAINT fk_ansible_run_events_run_id"
            " FOREIGN KEY (run_id) REFERENCES ansible_runs (id) ON DELETE CASCADE NOT VALID",
        ),
    ),
    Partitioned(
        "ansible_runs",
        "id",
        ("id",),
        _VACUUM,
        to_join=("ALTER TABLE ansible_runs ADD CONSTRAINT pk_ansible_runs PRIMARY KEY (id)",),
    ),
)


class Partition(NamedTuple):
    """A partition: its keys are between these two, the second one not included."""

    name: str
    first: UUID
    end: UUID


LIKE = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE"
_IS_PARTITIONED = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:table)")
_PARTITIONS = text(
    """
    SELECT partition.relname AS name, bound.words[1] AS first, bound.words[2] AS end
      FROM pg_inherits JOIN pg_class AS partition ON partition.oid = inhrelid
     CROSS JOIN LATERAL regexp_match(
           pg_get_expr(relpartbound, partition.oid), $$FROM \\('?([^')]+)'?\\) TO \\('([^')]+)'\\)$$
           ) AS bound (words)
     WHERE inhparent = to_regclass(:table) AND bound.words IS NOT NULL
     ORDER BY nullif(bound.words[1], 'MINVALUE') NULLS FIRST
    """
)
_NAMES = text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:table) ORDER BY 1"
)


def is_partitioned(connection: Connection, table: str) -> bool:
    """Return whether the table is in partitions."""
    return bool(connection.scalar(_IS_PARTITIONED, {"table": table}))


def list_partitions(connection: Connection | Session, table: str) -> list[Partition]:
    """Return the table's partitions in the order of time, without the default one."""
    rows = connection.execute(_PARTITIONS, {"table": table})
    return [
        Partition(row.name, FIRST if row.first == "MINVALUE" else UUID(row.first), UUID(row.end))
        for row in rows
    ]


def list_names(connection: Connection, table: str) -> list[str]:
    """Return the names of the table's partitions, with that of the default one; none of a plain table's."""
    return list(connection.scalars(_NAMES, {"table": table}))


def id_at(at: datetime) -> UUID:
    """Return the lowest id of version 7 of that time, or of 1970 where that is earlier."""
    return UUID(int=max(0, int(at.timestamp() * 1_000)) << 80)


def time_of(key: UUID) -> datetime:
    """Return the time in an id of version 7."""
    return datetime.fromtimestamp((key.int >> 80) / 1_000, UTC)


def bound_after(at: datetime, span: Span) -> datetime:
    """Return the beginning of the next day, week (Monday) or month, in UTC."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match span:
        case "day":
            return day + timedelta(days=1)
        case "week":
            return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def make_next(connection: Connection, table: Partitioned, span: Span, now: datetime) -> Partition | None:
    """Make one partition, unless there are enough: the one after that of now, too.

    In a transaction of the caller's. What the default partition has for the new one is moved there; where
    that are too many rows, they stay, and the new partition begins behind them.
    """
    last = list_partitions(connection, table.name)[-1:]
    begin = time_of(last[0].end) if last else bound_after(now, span)
    if begin > bound_after(now, span):
        return None
    first = id_at(begin)
    while True:
        begin = bound_after(begin, span)
        made = Partition(f"{table.name}_{time_of(first):%Y%m%d}", first, id_at(begin))
        in_the_way = connection.scalar(_in_default(table), {**made._asdict(), "most": MOST_MOVED + 1}) or 0
        if in_the_way <= MOST_MOVED:
            break
        first = made.end
    _attach(connection, table, made, move=in_the_way > 0)
    return made


def _in_default(table: Partitioned) -> TextClause:
    return text(
        f"SELECT count(*) FROM (SELECT FROM {table.name}_default"  # noqa: S608
        f" WHERE {table.key} >= :first AND {table.key} < :end LIMIT :most) AS found"
    )


def shifted(key: UUID, by: timedelta) -> UUID:
    """Return the lowest id of version 7 of so much earlier or later."""
    milliseconds = (key.int >> 80) + round(by.total_seconds() * 1_000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)


def just_below(key: UUID) -> UUID:
    """Return the key before this one; the lowest one has none."""
    return UUID(int=max(key.int - 1, 0))


def _attach(connection: Connection, table: Partitioned, new: Partition, *, move: bool = False) -> None:
    """Make a partition. Only the default one is kept from its users meanwhile."""
    name, between = new.name, f"{table.key} >= '{new.first}' AND {table.key} < '{new.end}'"
    connection.exec_driver_sql(_create(table, name))
    if move:
        connection.exec_driver_sql(
            f"WITH moved AS (DELETE FROM {table.name}_default WHERE {between} RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved"
        )
    connection.exec_driver_sql(
        f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ('{new.first}') TO ('{new.end}')"
    )


def attach_default(connection: Connection, table: Partitioned) -> None:
    """Make the partition that takes what no other is for."""
    name = f"{table.name}_default"
    connection.exec_driver_sql(_create(table, name))
    connection.exec_driver_sql(f"ALTER TABLE {table.name} ATTACH PARTITION {name} DEFAULT")


def _create(table: Partitioned, name: str) -> str:
    return f"CREATE TABLE {name} (LIKE {table.name} {LIKE} INCLUDING INDEXES) WITH ({table.storage})"

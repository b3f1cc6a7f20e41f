"""What tells an API that something has changed: PostgreSQL's notifications, and looks at what is followed.

A trigger sends the notifications, which say no more than that. It sends none while `live_listeners` has no
row in force: a commit that notifies waits for every other one that does, in all databases of the server.
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy import text
from sqlalchemy.orm import Session

_RENEW = """
    WITH gone AS (DELETE FROM live_listeners WHERE expires_at < now() - interval '1 minute' AND id <> %(id)s)
    INSERT INTO live_listeners (id, expires_at) VALUES (%(id)s, now() + make_interval(secs => %(seconds)s))
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
"""

# Counted, and not asked for the last: a line with a lower number may be seen later than one with a higher.
_OWN_LINES = text(
    """
    SELECT request.id, request.run_id,
           (SELECT count(*) FROM dns_request_events AS line
             WHERE line.request_id = request.id AND line.request_id BETWEEN :lowest AND :highest) AS lines
      FROM dns_requests AS request WHERE request.id = ANY(:ids)
    """
)
_LINES_OF_RUNS = text(
    "SELECT run_id, count(*) FROM ansible_run_events WHERE run_id = ANY(:ids) GROUP BY run_id"
)
_OPEN = text("SELECT id FROM dns_requests WHERE id = ANY(:ids) AND finished_at IS NULL")


class LogSize(NamedTuple):
    """How many lines a request's log has: its own, and those of its last run."""

    own: int
    run_id: UUID | None
    of_run: int


async def listen(connection: AsyncConnection) -> None:
    """Have the connection get the notifications; `renew_listener` has them sent."""
    await connection.execute("LISTEN dns_changes")


async def renew_listener(connection: AsyncConnection, listener: UUID, seconds: float) -> None:
    """Say that this process listens, and will for so long. Forgets those who have not said so for long."""
    await connection.execute(_RENEW, {"id": listener, "seconds": seconds})


async def remove_listener(connection: AsyncConnection, listener: UUID) -> None:
    """Say that this process listens no more."""
    await connection.execute("DELETE FROM live_listeners WHERE id = %s", [listener])


def log_sizes(session: Session, ids: Collection[UUID]) -> dict[UUID, LogSize]:
    """Return how long the logs of these requests are, of those that there are."""
    bounds = {"lowest": min(ids), "highest": max(ids)} if ids else {"lowest": None, "highest": None}
    rows = session.execute(_OWN_LINES, {"ids": list(ids), **bounds}).all()
    runs = {row.run_id for row in rows if row.run_id is not None}
    of_runs: dict[UUID, int] = {}
    if runs:
        of_runs |= session.execute(_LINES_OF_RUNS, {"ids": list(runs)}).tuples().all()
    return {row.id: LogSize(row.lines, row.run_id, of_runs.get(row.run_id, 0)) for row in rows}


def those_open(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the requests that are not settled yet."""
    return set(session.scalars(_OPEN, {"ids": list(ids)}))

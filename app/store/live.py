"""What tells an API that something has changed: PostgreSQL's notifications, and looks at what is followed.

A trigger sends the notifications, which say no more than that. It sends none while `live_listeners` has no
row in force: a commit that notifies waits for every other one that does, in all databases of the server.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy.orm import Session

from app.domain.lifecycle import Status
from app.store import partitions
from app.store.literals import with_literals
from app.store.requests import MAX_RUNS, LogLine

_RENEW = """
    WITH gone AS (DELETE FROM live_listeners WHERE expires_at < now() - interval '1 minute' AND id <> %(id)s)
    INSERT INTO live_listeners (id, expires_at) VALUES (%(id)s, now() + make_interval(secs => %(seconds)s))
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
"""

# With the status: a line with a lower number may be seen later than one with a higher, and tell of the end.
_LOG_ENDS = with_literals(
    """
    SELECT request.id, request.status, request.run_id,
           (SELECT max(line.id) FROM dns_request_events AS line
             WHERE line.request_id = request.id AND line.request_id BETWEEN :lowest AND :highest) AS own,
           (SELECT max(line.id) FROM ansible_run_events AS line
             WHERE line.run_id = request.run_id AND line.run_id BETWEEN :runs_from AND :runs_to) AS of_run
      FROM dns_requests AS request WHERE request.id = ANY(:ids) AND request.id BETWEEN :lowest AND :highest
    """,
    "lowest",
    "highest",
    "runs_from",
    "runs_to",
)

# However long the log is, only so many lines are looked at, from where the reader has come to. Those that are
# not for him are returned, too, without their words: he goes on behind them.
_NEW_LINES = with_literals(
    f"""
    WITH lately AS (
        SELECT run_id FROM (
            SELECT run_id, id FROM dns_request_events WHERE request_id = :request_id
             ORDER BY id DESC LIMIT :recent
        ) AS own WHERE run_id IS NOT NULL GROUP BY run_id ORDER BY max(id) DESC LIMIT :runs
    ), of_runs AS (
        SELECT line.*, (line.request_id IS NULL OR line.request_id = :request_id)
                       AND (:in_full OR line.told IS NOT NULL) AS is_shown
          FROM lately CROSS JOIN LATERAL (
            SELECT id, at, message, told, request_id FROM ansible_run_events AS event
             WHERE event.run_id = lately.run_id AND event.run_id BETWEEN :runs_from AND :runs_to
               AND event.id > :of_runs
             ORDER BY event.id LIMIT :limit
          ) AS line
         ORDER BY line.id LIMIT :limit
    )
    (SELECT at, 0, id, status, CASE WHEN :in_full THEN message ELSE told END, true
       FROM dns_request_events WHERE request_id = :request_id AND id > :own ORDER BY id LIMIT :limit)
    UNION ALL
    (SELECT at, 1, id, '{Status.RUNNING}',
            CASE WHEN NOT is_shown THEN '' WHEN :in_full THEN message ELSE told END, is_shown
       FROM of_runs ORDER BY id)
    """,  # noqa: S608
    "request_id",
    "runs_from",
    "runs_to",
)
_RECENT = 200  # lines of a request's own, in which its last runs are looked for

_OPEN = with_literals(
    """
    SELECT id FROM dns_requests
     WHERE id = ANY(:ids) AND id BETWEEN :lowest AND :highest AND finished_at IS NULL
    """,
    "lowest",
    "highest",
)


class LogEnd(NamedTuple):
    """How far a request is, and where its log ends: the last line of its own, and that of its last run."""

    status: str
    own: int | None
    run_id: UUID | None
    of_run: int | None


async def listen(connection: AsyncConnection) -> None:
    """Have the connection get the notifications; `renew_listener` has them sent."""
    await connection.execute("LISTEN dns_changes")


async def renew_listener(connection: AsyncConnection, listener: UUID, seconds: float) -> None:
    """Say that this process listens, and will for so long. Forgets those who have not said so for long."""
    await connection.execute(_RENEW, {"id": listener, "seconds": seconds})


async def remove_listener(connection: AsyncConnection, listener: UUID) -> None:
    """Say that this process listens no more."""
    await connection.execute("DELETE FROM live_listeners WHERE id = %s", [listener])


def log_ends(session: Session, ids: Collection[UUID]) -> dict[UUID, LogEnd]:
    """Return where the logs of these requests end, of those that there are."""
    if not ids:
        return {}
    lowest, highest = min(ids), max(ids)
    runs_from, runs_to = partitions.lifetime(lowest, None)
    bounds = {"lowest": lowest, "highest": highest, "runs_from": runs_from, "runs_to": runs_to}
    rows = session.execute(_LOG_ENDS, {"ids": list(ids), **bounds})
    return {row.id: LogEnd(row.status, row.own, row.run_id, row.of_run) for row in rows}


def new_log_lines(
    session: Session,
    request_id: UUID,
    limit: int,
    own: int,
    of_runs: int,
    *,
    in_full: bool,
    finished_at: datetime | None = None,
) -> list[LogLine]:
    """Return lines of the request's log that were written after these two, its own and one of its runs.

    There are up to `limit` of each of both kinds, first its own, then those of its runs; each in their order.
    """
    runs_from, runs_to = partitions.lifetime(request_id, finished_at)
    which = {"request_id": request_id, "recent": _RECENT, "runs": MAX_RUNS}
    which |= {"runs_from": runs_from, "runs_to": runs_to, "own": own, "of_runs": of_runs}
    rows = session.execute(_NEW_LINES, {**which, "limit": limit, "in_full": in_full})
    return [LogLine(*row) for row in rows]


def those_open(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the requests that are not settled yet."""
    if not ids:
        return set()
    return set(session.scalars(_OPEN, {"ids": list(ids), "lowest": min(ids), "highest": max(ids)}))

"""Scheduled requests: when the next one is due, and those that are due at the end of their zones' queues."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import text

from app.core.database import AnySession
from app.domain.lifecycle import Status
from app.store.models import SCHEDULED

MAX_AT_ONCE = 1_000  # requests that one statement queues

_NEXT = text(
    f"SELECT extract(epoch FROM min(not_before) - clock_timestamp()) FROM dns_requests WHERE {SCHEDULED}"  # noqa: S608
)

# One at a time, or of two requests for one RRset the later one could get the earlier place. The lock ends
# with the statement: a process that stands still does not keep it. What is being cancelled is passed over.
# The limit is no parameter: the planner then knows how few rows are looked up by their place. The time is the
# statement's: with clock_timestamp(), which changes meanwhile, the index would be read to its end.
_QUEUE_DUE = text(
    f"""
    WITH turn AS MATERIALIZED (
        SELECT pg_try_advisory_xact_lock(hashtextextended('scheduled requests that are due', 0)) AS mine
    ), chosen AS MATERIALIZED (
        SELECT ctid AS place, id, atomic_id FROM dns_requests
         WHERE {SCHEDULED} AND not_before <= statement_timestamp() AND (SELECT mine FROM turn)
         ORDER BY not_before, seq LIMIT {MAX_AT_ONCE} FOR UPDATE SKIP LOCKED
    ), rest_of_groups AS MATERIALIZED (  -- which the limit has cut
        SELECT ctid AS place, id, atomic_id FROM dns_requests
         WHERE atomic_id = ANY(ARRAY(SELECT DISTINCT atomic_id FROM chosen WHERE atomic_id IS NOT NULL))
           AND {SCHEDULED} AND NOT id = ANY(ARRAY(SELECT id FROM chosen WHERE atomic_id IS NOT NULL))
           FOR UPDATE
    ), numbered AS MATERIALIZED (
        SELECT place, id, coalesce(atomic_id, id) AS turn,
               nextval(pg_get_serial_sequence('dns_requests', 'seq')) AS seq
          FROM (SELECT * FROM chosen UNION ALL SELECT * FROM rest_of_groups) AS due
    ), queued AS MATERIALIZED (
        SELECT place, min(seq) OVER (PARTITION BY turn)
                      + row_number() OVER (PARTITION BY turn ORDER BY id) - 1 AS seq
          FROM numbered
    ), changed AS (
        UPDATE dns_requests AS request SET status = '{Status.PENDING}', seq = queued.seq
          FROM queued WHERE request.ctid = queued.place
        RETURNING request.id, request.zone, request.seq
    ), logged AS (
        INSERT INTO dns_request_events (request_id, status, message, told)
        SELECT id, '{Status.PENDING}', words, words
          FROM changed, (SELECT 'due: behind what is waiting already' AS words) AS line ORDER BY seq
    )
    SELECT array_agg(DISTINCT zone) AS zones, count(*) AS number FROM changed
    """  # noqa: S608
)


class Queued(NamedTuple):
    """Which zones have requests that were due, and whether there may be more."""

    zones: Collection[str]
    more: bool


def seconds_until_next(session: AnySession) -> float | None:
    """Return when the next scheduled request is due, by the database's clock; None: there is none."""
    seconds = session.execute(_NEXT).scalar()
    return None if seconds is None else float(seconds)


def queue_due(session: AnySession) -> Queued:
    """Put requests that are due at the end of their zones' queues: in the order of their times.

    Those of one time are put there in the order of their acceptance, those of a group together.
    Nothing happens while another process does it.
    """
    row = session.execute(_QUEUE_DUE).one()
    return Queued(row.zones or (), row.number >= MAX_AT_ONCE)

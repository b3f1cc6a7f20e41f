"""What runs have done to a zone since a time."""

from collections.abc import Generator
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.change import RRsetKey, RRsetState
from app.domain.inverse import Done
from app.domain.lifecycle import Status
from app.domain.retry_policy import Kind, codes_of
from app.store import open_floor
from app.store.models import QUEUED, SINCE_FLOOR
from app.store.request_lists import CLOCK_MARGIN, id_at

_AT_ONCE = 500  # rows, each of two RRsets of 64 KB at most

# Runs of one zone follow each other: of those that began before the time, only the last can have ended after
# it. A run that never ended may have done anything.
_SINCE = text(
    f"""
    WITH run AS MATERIALIZED (
        (SELECT id, first_request_id, last_request_id, finished_at FROM ansible_runs
          WHERE zone = :zone AND id >= :lowest ORDER BY id DESC LIMIT :most)
        UNION ALL
        (SELECT id, first_request_id, last_request_id, finished_at FROM ansible_runs
          WHERE zone = :zone AND id < :lowest ORDER BY id DESC LIMIT 1)
    )
    SELECT request.*
      FROM run CROSS JOIN LATERAL (
        SELECT id, name, record_type, account_id, before, after, lost_runs, lease_token, run_id, seq,
               coalesce(resource #> '{{config,extra_config}}', '{{}}') AS extra_config
          FROM dns_requests
         WHERE zone = :zone AND id BETWEEN run.first_request_id AND run.last_request_id AND run_id = run.id
           -- what has failed on evidence has changed nothing
           AND (before IS NOT NULL OR after IS NOT NULL OR lost_runs > 0 OR status = '{Status.SUCCEEDED}'
                OR error_code = ANY(:uncertain))
         LIMIT :most) AS request
     WHERE run.finished_at > :since OR run.finished_at IS NULL
     ORDER BY request.lease_token, request.run_id, request.seq
     LIMIT :most
    """  # noqa: S608
)
_QUEUED = text(
    f"""
    SELECT DISTINCT name, record_type FROM dns_requests
     WHERE zone = :zone AND {QUEUED} AND {SINCE_FLOOR} LIMIT :most
    """  # noqa: S608
)


def list_done(session: Session, zone: str, since: datetime, most: int) -> Generator[Done]:
    """Yield what runs have done in the zone that ended after that time, in order; at most so many.

    Whoever does not read to the end closes the generator.
    """
    parameters = {
        "zone": zone,
        "since": since,
        "lowest": id_at(since, -CLOCK_MARGIN),
        "uncertain": sorted(codes_of(Kind.UNKNOWN)),
        "most": most,
    }
    with session.execute(_SINCE.execution_options(yield_per=_AT_ONCE), parameters) as rows:
        for row in rows:
            before = row.before if not row.lost_runs else None  # it may be what the lost run has made
            key = RRsetKey(row.name, row.record_type)
            yield Done(key, _state(before), _state(row.after), row.account_id, row.extra_config, row.id)


def list_queued(session: Session, zone: str, most: int) -> set[RRsetKey]:
    """Return the RRsets of which requests are open, without those that are scheduled; at most so many."""
    parameters = {"zone": zone, "most": most, "open_from": open_floor.read(session)}
    return {RRsetKey(*row) for row in session.execute(_QUEUED, parameters)}


def _state(found: dict[str, Any] | None) -> RRsetState | None:
    return RRsetState.from_json(found) if found else None

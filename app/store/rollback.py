"""What runs have done to a zone since a time."""

from collections.abc import Generator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.core.partitioning import FIRST, LAST, just_below
from app.domain.change import RRsetKey, RRsetState
from app.domain.inverse import Done
from app.domain.lifecycle import Status
from app.domain.retry_policy import Kind, codes_of
from app.store import open_floor, partitions
from app.store.models import QUEUED, SINCE_FLOOR, Run
from app.store.request_lists import CLOCK_MARGIN, id_at

_AT_ONCE = 500  # rows, each of two RRsets of 64 KB at most

# Runs of one zone follow each other: of those that began before the time, only the last can have ended after
# it. A run that never ended may have done anything.
_RUNS = text(
    """
    SELECT id, first_request_id, last_request_id, finished_at FROM ansible_runs
     WHERE zone = :zone AND id BETWEEN :lowest AND :highest ORDER BY id DESC LIMIT :most
    """
)
_OF_RUNS = text(
    f"""
    SELECT request.*
      FROM unnest(CAST(:runs AS uuid[]), CAST(:firsts AS uuid[]), CAST(:lasts AS uuid[]))
           AS run (id, first_request_id, last_request_id)
     CROSS JOIN LATERAL (
        SELECT id, name, record_type, account_id, before, after, lost_runs, lease_token, run_id, seq,
               coalesce(resource #> '{{config,extra_config}}', '{{}}') AS extra_config
          FROM dns_requests
         WHERE zone = :zone AND id BETWEEN run.first_request_id AND run.last_request_id AND run_id = run.id
           AND id BETWEEN :lowest AND :highest
           -- what has failed on evidence has changed nothing
           AND (before IS NOT NULL OR after IS NOT NULL OR lost_runs > 0 OR status = '{Status.SUCCEEDED}'
                OR error_code = ANY(:uncertain))
         LIMIT :most) AS request
     ORDER BY request.lease_token, request.run_id, request.seq
     LIMIT :most
    """  # noqa: S608
)
_QUEUED = open_floor.statement(
    f"""
    SELECT DISTINCT name, record_type FROM dns_requests
     WHERE zone = :zone AND {QUEUED} AND {SINCE_FLOOR} LIMIT :most
    """  # noqa: S608
)


def list_done(session: Session, zone: str, since: datetime, most: int) -> Generator[Done]:
    """Yield what runs have done in the zone that ended after that time, in order; at most so many.

    Whoever does not read to the end closes the generator.
    """
    runs = [run for run in _runs(session, zone, since, most) if run.first_request_id is not None]
    if not runs:
        return
    firsts, lasts = [run.first_request_id for run in runs], [run.last_request_id for run in runs]
    parameters = {
        "zone": zone,
        "runs": [run.id for run in runs],
        "firsts": firsts,
        "lasts": lasts,
        "lowest": min(firsts),
        "highest": max(lasts),
        "uncertain": sorted(codes_of(Kind.UNKNOWN)),
        "most": most,
    }
    with session.execute(_OF_RUNS.execution_options(yield_per=_AT_ONCE), parameters) as rows:
        for row in rows:
            before = row.before if not row.lost_runs else None  # it may be what the lost run has made
            key = RRsetKey(row.name, row.record_type)
            yield Done(key, _state(before), _state(row.after), row.account_id, row.extra_config, row.id)


def _runs(session: Session, zone: str, since: datetime, most: int) -> list[Row[Any]]:
    """Return the runs of the zone that ended after that time, or never."""
    begin = id_at(since, -CLOCK_MARGIN)
    found: list[Row[Any]] = []
    parameters = {"zone": zone, "lowest": begin, "highest": LAST, "most": most}
    found += session.execute(_RUNS, parameters)
    for lowest, highest in partitions.windows(session, Run.__tablename__, (FIRST, just_below(begin))):
        parameters = {"zone": zone, "lowest": lowest, "highest": highest, "most": 1}
        if last := session.execute(_RUNS, parameters).one_or_none():
            found.append(last)
            break
    return [run for run in found if run.finished_at is None or run.finished_at > since]


def list_queued(session: Session, zone: str, most: int) -> set[RRsetKey]:
    """Return the RRsets of which requests are open, without those that are scheduled; at most so many."""
    parameters = {"zone": zone, "most": most, "open_from": open_floor.read(session)}
    return {RRsetKey(*row) for row in session.execute(_QUEUED, parameters)}


def _state(found: dict[str, Any] | None) -> RRsetState | None:
    return RRsetState.from_json(found) if found else None

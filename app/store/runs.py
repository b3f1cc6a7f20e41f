"""Ansible runs: what was executed, its log, and how it ended."""

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, insert, not_, select, text, update
from sqlalchemy.orm import Session

from app.core.partitioning import FIRST, LAST
from app.domain.change import ChangeResult, Outcome, RRsetKey, RRsetState
from app.domain.effects import RRset
from app.domain.order import Before
from app.store import partitions
from app.store.literals import in_text
from app.store.models import Run, RunEvent
from app.store.pages import Found, Position, Walk

_START = text(
    """
    INSERT INTO ansible_runs (id, zone, backend, changes, first_request_id, last_request_id, started_at)
    VALUES (:id, :zone, :backend, :changes, :first, :last, clock_timestamp())
    """
)


_ADD_EVENT = text(
    """
    INSERT INTO ansible_run_events (run_id, at, message, told, request_id)
    VALUES (:run_id, clock_timestamp() - make_interval(secs => :age), :message, :told, :request_id)
    """
)


def start(session: Session, run_id: UUID, zone: str, backend: str, request_ids: Collection[UUID]) -> None:
    """Record that a run for these requests begins."""
    requests = {"changes": len(request_ids), "first": min(request_ids), "last": max(request_ids)}
    session.execute(_START, {"id": run_id, "zone": zone, "backend": backend, **requests})


class NewLine(NamedTuple):
    """A line of a run's log that is not stored yet."""

    age: float  # seconds
    message: str
    told: str | None  # to requesters
    request_id: UUID | None  # which it is about; None: all of the run


def add_events(session: Session, run_id: UUID, lines: Iterable[NewLine]) -> None:
    """Append lines to the run's log.

    Their times are the database's, as those of the requests' own lines are: both stand in one log.
    """
    session.execute(_ADD_EVENT, [{"run_id": run_id, **line._asdict()} for line in lines])


def note_before(session: Session, run_id: UUID, before: Before) -> None:
    """Record what was there before the run, as far as the fates of its requests depend on that."""
    rows = [[*key, rrset and [rrset.ttl, rrset.rdata]] for key, rrset in before.items()]
    session.execute(update(Run).where(Run.id == in_text(run_id)).values(before=rows))


def finish(
    session: Session,
    run_id: UUID,
    rc: int | None,
    why: str | None,
    stats: Mapping[str, Any],
    output: str,
    results: Mapping[UUID, ChangeResult],
) -> None:
    """Record how the run ended, unless `abandon` has ended it before.

    Its results are stored, too: should this worker die now, the next one goes on with them.
    """
    ended = {"rc": rc, "why": why, "stats": stats, "output": output, **_results_as_json(results)}
    unfinished = update(Run).where(Run.id == in_text(run_id), Run.finished_at.is_(None))
    session.execute(unfinished.values(**ended, finished_at=func.clock_timestamp()))


def any_ended_well(session: Session, backend: str, since: UUID) -> bool:
    """Return whether a run on the backend that began after the run `since` has ended without error.

    Ids of runs grow with time, so only the newest runs are looked at.
    """
    well = (Run.backend == backend) & (Run.id > since) & (Run.rc == 0) & Run.why.is_(None)
    return session.scalar(select(Run.id).where(well).limit(1)) is not None


def results(session: Session, run_ids: Collection[UUID]) -> dict[UUID, ChangeResult]:
    """Return what these runs said of their requests, by request."""
    stored = select(Run.results, Run.said_before).where(Run.id.in_(run_ids), Run.results.is_not(None))
    found: dict[UUID, ChangeResult] = {}
    for groups, said_before in session.execute(stored):
        states = (
            RRsetState.from_json(state) if state else None
            for state, number in said_before or ()
            for _ in range(number)
        )
        for outcome, code, message, request_ids in groups or ():
            for request_id in request_ids:
                found[UUID(request_id)] = ChangeResult(Outcome(outcome), code, message, next(states, None))
    return found


def before(session: Session, run_ids: Collection[UUID]) -> Before:
    """Return what `note_before` has recorded of these runs."""
    stored = session.scalars(select(Run.before).where(Run.id.in_(run_ids), Run.before.is_not(None)))
    return {
        RRsetKey(name, kind): RRset(rrset[0], tuple(rrset[1])) if rrset else None
        for rows in stored
        for name, kind, rrset in rows or ()
    }


def _results_as_json(results: Mapping[UUID, ChangeResult]) -> dict[str, Any]:
    """Return the columns for the results: most of a run have the same, and found the same before.

    `results` has each result with its requests. `said_before` goes through these requests in that order, each
    state with the number of those that share it: an older release reads the one and ignores the other.
    """
    groups: dict[tuple[str, str | None, str | None], list[UUID]] = {}
    for request_id, result in results.items():
        message = "; ".join(filter(None, (result.message, result.note))) or None
        groups.setdefault((result.outcome, result.code, message), []).append(request_id)
    states = groupby(results[request_id].before for ids in groups.values() for request_id in ids)
    return {
        "results": [[*said, list(map(str, ids))] for said, ids in groups.items()],
        "said_before": [[state and state.as_json(), len(list(same))] for state, same in states],
    }


def abandon(session: Session, run_ids: Iterable[UUID], silence: float) -> None:
    """End those of the runs that are unfinished: their worker has lost the zone. Needs the zone's lease.

    `silence` is for how many seconds a worker may give no sign of life.
    """
    message = f"the worker of this run failed, or gave no sign of life for {silence:g} s; another one goes on"
    now = func.clock_timestamp()
    unfinished = update(Run).where(Run.id.in_(set(run_ids)), Run.finished_at.is_(None))
    for run_id in session.scalars(unfinished.values(why="lost", finished_at=now).returning(Run.id)):
        session.execute(insert(RunEvent).values(run_id=run_id, at=now, message=message))


def get(session: Session, run_id: UUID) -> Run | None:
    """Return the run of that id."""
    return session.get(Run, run_id)


def last_events(session: Session, run_id: UUID, most: int) -> list[Any]:
    """Return time, message and request of the last lines of a run's log, the oldest first."""
    columns = (RunEvent.at, RunEvent.message, RunEvent.request_id)
    newest = select(*columns).where(RunEvent.run_id == run_id).order_by(RunEvent.id.desc()).limit(most)
    return list(reversed(session.execute(newest).all()))


def page(
    session: Session,
    zone: str | None,
    backend: str | None,
    status: str | None,
    limit: int,
    after: Position | None,
) -> Found[Run]:
    """Return the newest runs after that position: of a zone, on a backend, "running", "well" or "failed"."""
    well = {"rc": 0, "why": None}

    def wanted(row: Any) -> list[ColumnElement[bool]]:
        ended_well = and_(*(getattr(row, name).is_not_distinct_from(value) for name, value in well.items()))
        by_status = {
            "running": row.finished_at.is_(None),
            "well": and_(row.finished_at.is_not(None), ended_well),
            "failed": and_(row.finished_at.is_not(None), not_(ended_well)),
        }
        return [
            *(() if backend is None else (row.backend == backend,)),
            *(() if status is None else (by_status[status],)),
        ]

    first = {} if zone is None else {"zone": zone}

    def page_of(span: partitions.Span, limit: int, after: Position | None) -> Found[Run]:
        lowest, highest = span
        walk = Walk(
            table=Run,
            order=("id",),
            wanted=wanted,
            first=first,
            lowest=(lowest,),
            highest=(highest,),
            descending=True,
        )
        return walk.page(session, limit, after)

    every = (FIRST, LAST)
    return partitions.pages(session, Run.__tablename__, every, page_of, limit, after, newest_first=True)

"""Ansible runs: what was executed, its log, and how it ended."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from app.store.models import Run, RunEvent

_START = text(
    """
    INSERT INTO ansible_runs (id, zone, backend, changes, first_request_id, last_request_id, started_at)
    VALUES (:id, :zone, :backend, :changes, :first, :last, clock_timestamp())
    """
)


def start(session: Session, run_id: UUID, zone: str, backend: str, request_ids: Collection[UUID]) -> None:
    """Record that a run for these requests begins."""
    requests = {"changes": len(request_ids), "first": min(request_ids), "last": max(request_ids)}
    session.execute(_START, {"id": run_id, "zone": zone, "backend": backend, **requests})


def add_events(session: Session, run_id: UUID, events: Iterable[tuple[datetime, str]]) -> None:
    """Append lines to the run's log."""
    rows = [{"run_id": run_id, "at": at, "message": message} for at, message in events]
    session.execute(insert(RunEvent), rows)


def finish(
    session: Session, run_id: UUID, rc: int | None, why: str | None, stats: Mapping[str, Any], output: str
) -> None:
    """Record how the run ended, unless `abandon` has ended it before."""
    ended = {"rc": rc, "why": why, "stats": stats, "output": output, "finished_at": func.clock_timestamp()}
    unfinished = update(Run).where(Run.id == run_id, Run.finished_at.is_(None))
    session.execute(unfinished.values(**ended))


def any_ended_well(session: Session, backend: str, since: UUID) -> bool:
    """Return whether a run on the backend that began after the run `since` has ended without error.

    Ids of runs grow with time, so only the newest runs are looked at.
    """
    well = (Run.backend == backend) & (Run.id > since) & (Run.rc == 0) & Run.why.is_(None)
    return session.scalar(select(Run.id).where(well).limit(1)) is not None


def abandon(session: Session, run_ids: Iterable[UUID]) -> None:
    """End those of the runs that are unfinished: their worker has lost the zone. Needs the zone's lease."""
    now = func.clock_timestamp()
    unfinished = update(Run).where(Run.id.in_(set(run_ids)), Run.finished_at.is_(None))
    for run_id in session.scalars(unfinished.values(why="lost", finished_at=now).returning(Run.id)):
        message = "the worker that started this run has lost the zone"
        session.execute(insert(RunEvent).values(run_id=run_id, at=now, message=message))

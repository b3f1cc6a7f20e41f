"""Look runs up: what Ansible was executed for, how it ended, and what it said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.errors import RunNotFound
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor, normalize_zone
from app.services.rows import values_for
from app.store import runs
from app.store.models import Run

LOG_LINES = 200  # the last ones
MAX_OUTPUT = 256 * 1024  # characters: the end of it


class RunStatus(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    WELL = "well"  # it has ended without error
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunState:
    """A run; its fields are those of the table."""

    id: UUID
    zone: str
    backend: str
    changes: int
    started_at: datetime
    finished_at: datetime | None
    rc: int | None  # the exit status
    why: str | None  # timeout, cancelled or lost, when it did not end by itself

    @property
    def status(self) -> RunStatus:
        """How far it is."""
        if self.finished_at is None:
            return RunStatus.RUNNING
        return RunStatus.WELL if self.rc == 0 and self.why is None else RunStatus.FAILED

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.finished_at is None else (self.finished_at - self.started_at).total_seconds()


class RunLine(NamedTuple):
    """A line of a run's log; one that is about one request names it."""

    at: datetime
    message: str
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with what it said."""

    run: RunState
    stats: Mapping[str, Any] | None  # per host
    output: str | None  # the last MAX_OUTPUT characters
    log: Sequence[RunLine]  # the last LOG_LINES


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What runs have in common; None: anything."""

    zone: str | None = None
    backend: str | None = None
    status: RunStatus | None = None


def find_runs(session: Session, wanted: RunFilter, limit: int, cursor: str | None) -> Page[RunState]:
    """Return a page of at most `limit` runs, the newest first. Raises InvalidFilter.

    What a page looks at is bounded: it can have fewer items than `limit`, even none, and yet a cursor.
    """
    after = (_position(session, cursor),) if cursor is not None else None
    zone = normalize_zone("zone", wanted.zone)
    found = runs.page(session, zone, wanted.backend, wanted.status, limit, after)
    following = encode_cursor(session, str(found.position[0])) if found.position else None
    return Page(list(map(_state, found.rows)), following)


def get_run(session: Session, run_id: UUID) -> RunDetail:
    """Return a run with the end of its log and output. Raises RunNotFound."""
    row = runs.get(session, run_id)
    if row is None:
        raise RunNotFound
    log = [RunLine(*line) for line in runs.last_events(session, run_id, LOG_LINES)]
    return RunDetail(_state(row), row.stats, row.output and row.output[-MAX_OUTPUT:], log)


def _state(row: Run) -> RunState:
    return RunState(**values_for(RunState, row))


def _position(session: Session, cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(session, cursor))
    except (ValueError, AttributeError, TypeError):
        raise invalid_cursor() from None

"""The log of a run: each line goes to the process's log at once, and to the database soon after."""

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock, Timer
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from app.core.database import transaction
from app.core.logging import get_logger
from app.core.startup import cause
from app.runner.protocol import RunEvent
from app.store import runs

log = get_logger(__name__)

_DELAY = 0.2  # seconds until a line is stored; a commit for each would take a tenth of a short run's time


class RunLog:
    """Stores the events of one run while it goes on; at the end of the block all are stored."""

    def __init__(self, run_id: UUID, *, quiet: bool = False) -> None:
        """`quiet`: the process's log has the events at level debug only."""
        self._run_id = run_id
        self._log = log.debug if quiet else log.info
        self._waiting: list[RunEvent] = []
        self._timer: Timer | None = None
        self._lock = Lock()  # of the two above
        self._writing = Lock()  # held while events are stored, so that they keep their order

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store_waiting()

    def append(self, event: RunEvent) -> None:
        """Log the event, and store it within a moment."""
        self._log(event.message)
        with self._lock:
            self._waiting.append(event)
            if self._timer is None:
                self._timer = Timer(_DELAY, self._store_waiting)
                self._timer.daemon = True
                self._timer.start()

    def _store_waiting(self) -> None:
        with self._writing:
            if events := self._take():
                _store(self._run_id, events)

    def _take(self) -> Sequence[RunEvent]:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            events, self._waiting, self._timer = self._waiting, [], None
            return events


def _store(run_id: UUID, events: Sequence[RunEvent]) -> None:
    try:
        with transaction() as session:
            now = datetime.now(UTC)
            lines = [
                runs.NewLine((now - event.at).total_seconds(), event.message, event.told, event.request_id)
                for event in events
            ]
            runs.add_events(session, run_id, lines)
    except SQLAlchemyError as error:  # missing log lines are no reason to stop a run
        log.warning(
            "lines of the run's log not stored: the database failed; the run goes on",
            run_id=str(run_id),
            lines=len(events),
            error=cause(error),
        )

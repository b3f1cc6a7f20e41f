"""What a runner is: it takes one batch of changes and says what became of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Protocol
from uuid import UUID

from app.domain.change import Change, ChangeResult, Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """One execution to do: a batch of changes of one zone, on the backend that serves it."""

    id: UUID
    zone: str
    backend: str  # the inventory host that the run is limited to
    changes: Sequence[Change]
    timeout: float  # seconds
    check: bool = False  # Ansible's check mode: nothing is changed, the results are a forecast


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A line of the run's log, in words a person understands."""

    message: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. A change with no entry in `results` has an unknown outcome."""

    rc: int | None  # the exit status; None when the run was killed
    results: Mapping[UUID, ChangeResult]
    why: str | None = None  # "timeout", "cancelled" or "lost" when it did not end by itself
    stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # per host: ok, changed, failed, …
    output: str = ""
    problems: Sequence[str] = ()  # what of the results file could not be understood, in words

    def trusted(self, request_id: UUID) -> ChangeResult | None:
        """The run's word on a request; of a run that failed as a whole only its refusals are believed."""
        said = self.results.get(request_id)
        return said if self.rc == 0 or (said and said.outcome is Outcome.FAILED) else None


class Runner(Protocol):
    """Applies a batch. Two of them exist: real Ansible, and the simulation."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Execute `run` to its end; report lines as they come; stop early when `cancel` is set."""
        ...

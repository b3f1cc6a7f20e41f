"""What a runner is: it applies a batch of changes, and returns the outcome of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import NamedTuple, Protocol
from uuid import UUID

from app.domain.change import Change, ChangeResult, Outcome, RRsetKey, RRsetState


@dataclass(frozen=True, slots=True)
class Run:
    """What a runner is asked for: a batch of changes to one zone, on the backend that serves the zone."""

    id: UUID
    zone: str  # its key
    backend: str  # the inventory host that the run is limited to
    changes: Sequence[Change]
    timeout: float  # seconds
    check: bool = False  # Ansible's check mode: nothing is changed, the results say what would be
    recorded: Mapping[RRsetKey, RRsetState] = field(default_factory=dict)  # all that the simulation knows


class SentUpdate(NamedTuple):
    """An update message that a task has sent (RFC 2136)."""

    server: str
    rcode: str  # of its answer; "none": there was no usable one
    began: float  # seconds since 1970
    seconds: float  # until its answer


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A line of the run's log, written for operators; about one request, or about all of the run."""

    message: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    request_id: UUID | None = None
    told: str | None = None  # the same for requesters; None: it is not for them
    task: str | None = None  # that begins
    updates: Sequence[SentUpdate] = ()  # that the task has sent since the event before


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    What became of a change that has no entry in `results` is unknown, or else said by `fault`.
    """

    rc: int | None  # the exit status; None when the run was killed
    results: Mapping[UUID, ChangeResult]
    why: str | None = None  # "timeout", "cancelled" or "lost" when it did not end by itself
    fault: ChangeResult | None = None  # what the run as a whole says of each change without a result
    detail: str | None = None  # the fault in words for operators
    stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # per host: ok, changed, failed, …
    output: str = ""
    problems: Sequence[str] = ()  # what is wrong with the results file, in words
    update_rcodes: Mapping[str, int] = field(default_factory=dict)  # of all update messages
    updates: Sequence[SentUpdate] = ()  # the first of them

    def trusted(self, request_id: UUID) -> ChangeResult | None:
        """Return the result of a request, or else the run's fault; None if nothing can be relied on.

        Of a run that failed as a whole, only those results are relied on that are failures.
        """
        result = self.results.get(request_id)
        if result is None:
            return self.fault
        return result if self.rc == 0 or result.outcome is Outcome.FAILED else None


class Runner(Protocol):
    """Applies a batch of changes. There are two: AnsibleRunner and SimulatedRunner."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Execute `run` to its end; report its log as it goes; stop early when `cancel` is set."""
        ...

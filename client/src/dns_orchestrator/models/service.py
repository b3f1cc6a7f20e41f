"""The service itself: whether it is ready, and its figures."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from dns_orchestrator.models.base import Model


class Backlog(Model):
    """How many requests are not settled, roughly, and how many may be (0: any number)."""

    open: int | None = None
    limit: int
    full: bool


class Readiness(Model):
    """Whether each dependency answers, whether changes are only simulated; and what is wrong, in words."""

    status: str
    executor: str
    auth: str
    dependencies: Mapping[str, str]
    problems: list[str] = Field(default_factory=list)
    unavailable_backends: Mapping[str, str] | None = None
    worker_seen_s: float | None = None
    backlog: Backlog


class OpenRequests(Model):
    """Requests that are not settled."""

    open: int
    by_status: Mapping[str, int]
    oldest_pending_s: float | None = None


class Latency(Model):
    """From accepted to answered by every server, in milliseconds, over the last `window_s` seconds."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    window_s: int
    count: int


class Moment(Model):
    """What has become of the requests that were accepted in a minute, or in five."""

    at: datetime
    accepted: int
    succeeded: int
    failed: int
    p50_ms: float | None = None
    p95_ms: float | None = None


class WaitingZone(Model):
    """What waits in a zone."""

    zone: str
    open: int
    failed_24h: int
    oldest_pending_s: float | None = None


class BackendFigures(Model):
    """A DNS service."""

    name: str
    state: str
    since: datetime | None = None
    why: str | None = None
    next_try: datetime | None = None
    zones: int
    open: int


class DriftFigures(Model):
    """What the primaries have otherwise than it is recorded."""

    zones: int
    rrsets: int


class Lag(Model):
    """A server that has an older serial of a zone than another server."""

    zone: str
    server: str
    behind: int
    since: datetime


class DeadLetters(Model):
    """Messages that could not be accepted."""

    count: int


class RunFigures(Model):
    """Ansible runs of the last hour."""

    last_hour: int
    failed_last_hour: int
    p50_ms: float | None = None


class WaitingEvents(Model):
    """Events that a listener, `kafka` or `webhooks`, has not got yet."""

    listener: str
    waiting: int
    oldest_s: float


class Stats(Model):
    """Figures of the whole service, or of the caller's accounts."""

    at: datetime
    requests: OpenRequests
    accepted_per_minute: int
    latency: Latency
    history: list[Moment]
    zones: list[WaitingZone]
    backends: list[BackendFigures] | None = None
    drift: DriftFigures | None = None
    serial_lag: list[Lag] | None = None
    dead_letters: DeadLetters | None = None
    awaiting_approval: int
    runs: RunFigures | None = None
    worker_seen_s: float | None = None
    events: list[WaitingEvents] | None = None

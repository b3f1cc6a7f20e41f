"""The shape of the figures."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Seconds = Annotated[float | None, Field(description="seconds; null: there is none")]
_Milliseconds = Annotated[float | None, Field(description="milliseconds; null: there is none")]


class _Figures(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class OpenRequestsOut(_Figures):
    """Requests that are not settled; each kind is counted up to 200,000."""

    open: int
    by_status: dict[str, int]
    oldest_pending_s: _Seconds


class LatencyOut(_Figures):
    """From accepted to answered by every server: requests that were accepted in the last `window_s` seconds.

    Those that waited for their time or for an approval are not among them, nor all of many.
    """

    p50_ms: _Milliseconds
    p95_ms: _Milliseconds
    p99_ms: _Milliseconds
    window_s: int
    count: Annotated[int, Field(description="requests that this is computed from")]


class MomentOut(_Figures):
    """What has become of the requests that were accepted in a minute, or in five."""

    at: Annotated[datetime, Field(description="the begin")]
    accepted: int
    succeeded: Annotated[int, Field(description="an estimate where more than 500 were accepted")]
    failed: int
    p50_ms: _Milliseconds
    p95_ms: _Milliseconds


class WaitingZoneOut(_Figures):
    """What waits in a zone."""

    zone: str
    open: int
    failed_24h: Annotated[int, Field(description="among the last 10,000 that have failed")]
    oldest_pending_s: _Seconds


class BackendStatsOut(_Figures):
    """A DNS service; `GET /api/v1/backends` tells more."""

    name: str
    state: str
    since: datetime | None
    why: str | None
    next_try: datetime | None
    zones: int
    open: Annotated[int, Field(description="10,000 stands for more, too")]


class DriftStatsOut(_Figures):
    """What the primaries have otherwise than it is recorded."""

    zones: int
    rrsets: Annotated[int, Field(description="100,000 stands for more, too")]


class LagOut(_Figures):
    """A server that has an older serial of a zone than another server."""

    zone: str
    server: str
    behind: Annotated[int, Field(description="steps of the serial")]
    since: Annotated[datetime, Field(description="when it took the serial that it has")]


class DeadLettersOut(_Figures):
    """Messages that could not be accepted."""

    count: int


class RunStatsOut(_Figures):
    """Ansible runs of the last hour: 20,000 stand for more, too."""

    last_hour: int
    failed_last_hour: int
    p50_ms: _Milliseconds


class WaitingEventsOut(_Figures):
    """Events that a listener has not got yet: `kafka`, or `webhooks`."""

    listener: str
    waiting: Annotated[int, Field(description="100,000 stands for more, too")]
    oldest_s: Annotated[float, Field(description="seconds; 0: none waits")]


class StatsOut(_Figures):
    """Figures of the whole service, or of the caller's accounts.

    What is about servers is null for those who do not read everything.
    """

    at: datetime
    requests: OpenRequestsOut
    accepted_per_minute: int
    latency: LatencyOut
    history: Annotated[list[MomentOut], Field(description="the oldest first")]
    zones: Annotated[list[WaitingZoneOut], Field(description="the 20 in which most is open, or has failed")]
    backends: list[BackendStatsOut] | None
    drift: DriftStatsOut | None
    serial_lag: Annotated[list[LagOut] | None, Field(description="the 20 oldest")]
    dead_letters: Annotated[DeadLettersOut | None, Field(description="null: not known here")]
    awaiting_approval: int
    runs: RunStatsOut | None
    worker_seen_s: Annotated[
        float | None, Field(description="seconds since a worker was last there; null: none has ever been")
    ]
    events: Annotated[list[WaitingEventsOut] | None, Field(description="of each listener that is on")]

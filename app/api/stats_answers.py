"""The figures, as the shape on the wire."""

from app.schemas.stats import (
    BackendStatsOut,
    DeadLettersOut,
    DriftStatsOut,
    LagOut,
    LatencyOut,
    MomentOut,
    OpenRequestsOut,
    RunStatsOut,
    StatsOut,
    WaitingEventsOut,
    WaitingZoneOut,
)
from app.services.backends import BackendState
from app.services.stats import Stats
from app.store.stats import Latency, Runs


def stats_out(stats: Stats, dead_letters: int | None) -> StatsOut:
    """Return the figures."""
    return StatsOut(
        at=stats.at,
        requests=OpenRequestsOut.model_validate(stats.requests),
        accepted_per_minute=stats.accepted_per_minute,
        latency=_latency_out(stats.latency, stats.latency_window_s),
        history=[MomentOut.model_validate(moment) for moment in stats.history],
        zones=[WaitingZoneOut.model_validate(zone) for zone in stats.zones],
        backends=None if stats.backends is None else [_backend_out(each) for each in stats.backends],
        drift=None if stats.drift is None else DriftStatsOut.model_validate(stats.drift),
        serial_lag=None
        if stats.serial_lag is None
        else [LagOut.model_validate(each) for each in stats.serial_lag],
        dead_letters=None if dead_letters is None else DeadLettersOut(count=dead_letters),
        awaiting_approval=stats.awaiting_approval,
        runs=None if stats.runs is None else _runs_out(stats.runs),
        worker_seen_s=stats.worker_seen_s,
        events=None
        if stats.events is None
        else [
            WaitingEventsOut(listener=each.listener, waiting=each.number, oldest_s=each.oldest_s)
            for each in stats.events
        ],
    )


def _latency_out(latency: Latency, window: int) -> LatencyOut:
    return LatencyOut(
        p50_ms=latency.p50_ms,
        p95_ms=latency.p95_ms,
        p99_ms=latency.p99_ms,
        window_s=window,
        count=latency.number,
    )


def _backend_out(backend: BackendState) -> BackendStatsOut:
    return BackendStatsOut(
        name=backend.name,
        state=backend.state,
        since=backend.since,
        why=backend.why,
        next_try=backend.next_try,
        zones=backend.zones,
        open=backend.open_requests,
    )


def _runs_out(runs: Runs) -> RunStatsOut:
    return RunStatsOut(last_hour=runs.number, failed_last_hour=runs.failed, p50_ms=runs.p50_ms)

"""What Prometheus is told of the whole service: read from the database when it asks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily

from app.core import metrics
from app.core.config import settings
from app.services.backends import State
from app.services.health import OK
from app.services.partitions import State as PartitionState
from app.services.stats import Stats
from app.store.outbox import Waiting
from app.store.webhooks import WebhookCount


def gauges(stats: Stats | None, dependencies: Mapping[str, str]) -> list[GaugeMetricFamily]:
    """Return how the service is. Without `stats`, where the database does not answer, little is known."""
    up = {(name,): float(state == OK) for name, state in dependencies.items()}
    known = [
        metrics.DEPENDENCY_UP.family(up),
        metrics.STATS_UP.family({(): float(stats is not None)}),
        metrics.REQUESTS_LIMIT.family({(): settings().backlog_limit}),
    ]
    if stats is None:
        return known
    return [
        *known,
        *_of_requests(stats),
        *_of_servers(stats),
        *_of_events(stats.events or ()),
        *_of_webhooks(stats.webhooks),
        *_of_partitions([each for each in stats.partitions or () if each.partitions], stats.at),
    ]


def _of_requests(stats: Stats) -> list[GaugeMetricFamily]:
    requests = stats.requests
    return [
        metrics.REQUESTS_OPEN.family({(status,): number for status, number in requests.by_status.items()}),
        metrics.OLDEST_PENDING_SECONDS.family({(): requests.oldest_pending_s or 0.0}),
        metrics.ZONE_OPEN.family({(zone.zone,): zone.open for zone in stats.zones}),
    ]


def _of_servers(stats: Stats) -> list[GaugeMetricFamily]:
    backends, drift = stats.backends or (), stats.drift
    return [
        metrics.BACKEND_OPEN.family({(each.name,): each.open_requests for each in backends}),
        metrics.BACKEND_UP.family({(each.name,): float(each.state is State.WELL) for each in backends}),
        metrics.BACKEND_RESTING_ZONES.family({(each.name,): len(each.resting_zones) for each in backends}),
        metrics.DRIFT_RRSETS.family({(): drift.rrsets if drift else 0}),
        metrics.DRIFT_ZONES.family({(): drift.zones if drift else 0}),
        metrics.SERVERS_BEHIND.family({(): stats.servers_behind or 0}),
    ]


def _of_events(waiting: Sequence[Waiting]) -> list[GaugeMetricFamily]:
    return [
        metrics.WAITING_EVENTS.family({(each.listener,): each.number for each in waiting}),
        metrics.EVENTS_OLDEST_SECONDS.family({(each.listener,): each.oldest_s for each in waiting}),
    ]


def _of_webhooks(found: WebhookCount | None) -> list[GaugeMetricFamily]:
    if found is None:
        return []
    states = {(state,): float(getattr(found, state)) for state in metrics.WEBHOOK_STATES}
    return [metrics.WEBHOOKS.family(states), metrics.WEBHOOK_WAITING.family({(): found.waiting})]


def _of_partitions(states: Sequence[PartitionState], now: datetime) -> list[GaugeMetricFamily]:
    return [
        metrics.PARTITIONS_AHEAD.family({(each.table,): each.ahead(now) for each in states}),
        metrics.DEFAULT_PARTITION_ROWS.family({(each.table,): each.in_default for each in states}),
        metrics.RETENTION_OVERDUE.family({(each.table,): each.seconds_overdue(now) for each in states}),
    ]

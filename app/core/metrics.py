"""Every metric of every process, and how they are shown.

They are counted where the thing happens: in services, once for what is done together.
docs/reference/metrics.md lists them; a test compares it with this page.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from app.core.metric_types import OTHER, Counter, Gauge, Histogram, Metric, OneOf, UpTo

DOORS = ("api", "kafka", "cli", "console")
ACTIONS = ("create", "update", "upsert", "delete")
OPEN = ("awaiting_approval", "scheduled", "pending", "running", "verifying")
SETTLED = ("succeeded", "failed")
ENDS = ("ok", "failed", "timeout", "cancelled", "lost")  # of runs
OUTCOMES = ("applied", "unchanged", "failed", "unknown")
SCOPES = ("backend", "zone")
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"}
UPDATE_RCODES = ("YXDOMAIN", "YXRRSET", "NXRRSET", "NOTZONE")
MESSAGES = ("accepted", "replayed", "dead_letter")
RETRIES = ("api_away", "api_failed", OTHER)
LISTENERS = ("kafka", "webhooks")
DELIVERED = ("delivered", "failed", "given_up")  # to webhooks; what has failed is tried again
WEBHOOK_STATES = ("well", "failing", "disabled")
WHY_DISABLED = ("by_hand", "gone", "failing", "backlog", "rights_lost")
DEPENDENCIES = ("postgresql", "redis")
TABLES = ("dns_requests", "dns_request_events", "ansible_runs", "ansible_run_events")  # in partitions

_LATENCIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)  # seconds
_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)  # seconds
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)


def _code() -> UpTo:
    """Codes stand in the code, and in the playbooks of operators."""
    return UpTo(200)


# The api
REQUESTS_ACCEPTED = Counter(
    "requests_accepted", "Requests that were stored.", door=OneOf(*DOORS), action=OneOf(*ACTIONS)
)
REQUESTS_REFUSED = Counter(
    "requests_refused", "Changes that were refused, by the first reason.", door=OneOf(*DOORS), code=_code()
)
CALLS_REFUSED = Counter("calls_refused", "Calls that were answered with an error, by its code.", code=_code())
ACCESS_REFUSED = Counter(
    "access_refused",
    "What was refused for who asks: no or wrong credentials, and what is not allowed.",
    code=_code(),
)
GROUP_COMMIT_REQUESTS = Histogram(
    "group_commit_requests", "Changes that were stored by one statement.", _SIZES
)
GROUP_COMMIT_SECONDS = Histogram(
    "group_commit_seconds", "How long that statement took, with its commit.", _DURATIONS
)

# The api, as the database has it when it is asked
DEPENDENCY_UP = Gauge(
    "dependency_up", "Whether what the API needs answers: 1 or 0.", dependency=OneOf(*DEPENDENCIES)
)
STATS_UP = Gauge("stats_up", "Whether the gauges that the database tells are there: 1 or 0.")
REQUESTS_OPEN = Gauge("requests_open", "Requests that are not settled.", status=OneOf(*OPEN))
REQUESTS_LIMIT = Gauge("requests_open_limit", "From how many open requests on no more are accepted; 0: any.")
OLDEST_PENDING_SECONDS = Gauge(
    "oldest_pending_seconds", "For how long the oldest pending request waits; 0: none does."
)
BACKEND_OPEN = Gauge(
    "backend_requests_open", "Requests in the queues of a backend's zones.", backend=UpTo(100)
)
BACKEND_UP = Gauge(
    "backend_up", "Whether a backend is well (1), or rests or is unknown (0).", backend=UpTo(100)
)
BACKEND_RESTING_ZONES = Gauge(
    "backend_resting_zones", "Zones of a backend that rest for a fault of their own.", backend=UpTo(100)
)
ZONE_OPEN = Gauge("zone_requests_open", "Open requests of the zones that have most.", zone=UpTo(100))
DRIFT_RRSETS = Gauge("drift_rrsets", "RRsets that a primary has otherwise than they are recorded.")
DRIFT_ZONES = Gauge("drift_zones", "Zones that have such RRsets.")
SERVERS_BEHIND = Gauge(
    "servers_behind", "Servers of zones that have an older serial than another server of the zone."
)
WAITING_EVENTS = Gauge(
    "waiting_events", "Events that a listener has not got yet.", listener=OneOf(*LISTENERS)
)
EVENTS_OLDEST_SECONDS = Gauge(
    "events_oldest_seconds",
    "For how long the oldest of them waits; 0: none does.",
    listener=OneOf(*LISTENERS),
)
WEBHOOKS = Gauge(
    "webhooks", "Webhooks, but for those that somebody has disabled.", state=OneOf(*WEBHOOK_STATES)
)
WEBHOOK_WAITING = Gauge("webhook_waiting_deliveries", "Deliveries to webhooks that are not taken yet.")
PARTITIONS_AHEAD = Gauge(
    "ahead_partitions",
    "Partitions of a table that begin later; 0: nobody makes new ones.",
    table=OneOf(*TABLES),
)
DEFAULT_PARTITION_ROWS = Gauge(
    "default_partition_rows",
    "Rows for which there is no partition; 10,000 stand for more, too.",
    table=OneOf(*TABLES),
)
RETENTION_OVERDUE = Gauge(
    "retention_overdue_seconds",
    "Since when the oldest partition of a table is to be dropped, by `RETENTION`; 0: none is.",
    table=OneOf(*TABLES),
)

# The worker
REQUEST_APPLIED_SECONDS = Histogram(
    "request_applied_seconds", "From accepted to applied on the DNS server.", _LATENCIES
)
REQUEST_VERIFIED_SECONDS = Histogram(
    "request_verified_seconds", "From accepted to answered by every authoritative server.", _LATENCIES
)
REQUESTS_SETTLED = Counter(
    "requests_settled", "Requests that have succeeded or failed.", status=OneOf(*SETTLED), code=_code()
)
RUNS = Counter("runs", "Ansible runs, by how they ended.", backend=UpTo(100), end=OneOf(*ENDS))
RUN_SECONDS = Histogram("run_seconds", "How long a run took.", _DURATIONS, backend=UpTo(100))
RUN_CHANGES = Histogram("run_changes", "Changes that a run was given.", _SIZES)
RUN_RESULTS = Counter(
    "run_results",
    "What runs have said of their changes: the outcome, and the code of a failure.",
    outcome=OneOf(*OUTCOMES),
    code=_code(),
)
VERIFICATION_ROUNDS = Counter("verification_rounds", "Rounds of questions to the servers of a zone.")
VERIFICATION_SECONDS = Histogram("verification_seconds", "How long such a round took.", _DURATIONS)
DNS_RESPONSES = Counter(
    "dns_responses",
    "Responses of DNS servers to the worker's questions, by rcode; none: it gave no usable one.",
    rcode=OneOf(*RCODES.values(), "none", OTHER),
)
DNS_UPDATES = Counter(
    "dns_updates",
    "Update messages that runs have sent, by the rcode of the answer; none: there was no usable one.",
    rcode=OneOf(*RCODES.values(), *UPDATE_RCODES, "none", OTHER),
)
DNS_UPDATE_SECONDS = Histogram("dns_update_seconds", "How long a server took to answer one.", _DURATIONS)
LEASES_LOST = Counter("leases_lost", "Zones that another worker has taken over in the middle of the work.")
RESTS = Counter(
    "rests", "Rests of a backend or a zone that was unavailable.", scope=OneOf(*SCOPES), code=_code()
)
SWEEP_KICKS = Counter(
    "sweep_kicks", "Zones that the sweep has kicked: their kicks were lost, or they were due."
)

EVENTS_PUBLISHED = Counter("events_published", "Events that a listener has got.", listener=OneOf(*LISTENERS))
EVENT_FAILURES = Counter(
    "event_publish_failures", "Tries to publish events that have failed.", listener=OneOf(*LISTENERS)
)
WEBHOOK_DELIVERIES = Counter(
    "webhook_deliveries", "Tries of deliveries to webhooks, by what came of them.", outcome=OneOf(*DELIVERED)
)
WEBHOOK_SECONDS = Histogram(
    "webhook_seconds", "How long a receiver took to answer, or a try to fail.", _DURATIONS
)
WEBHOOKS_DISABLED = Counter(
    "webhooks_disabled", "Webhooks to which nothing is delivered any more.", why=OneOf(*WHY_DISABLED)
)

# The consumer
KAFKA_MESSAGES = Counter("kafka_messages", "Messages, by what became of them.", outcome=OneOf(*MESSAGES))
KAFKA_BATCH_SECONDS = Histogram(
    "kafka_batch_seconds", "How long a batch of messages took, with all its tries.", _LATENCIES
)
KAFKA_RETRIES = Counter("kafka_retries", "Tries of batches that have to be repeated.", reason=OneOf(*RETRIES))
KAFKA_LAG = Gauge(
    "kafka_lag_messages",
    "Messages of a partition that are not committed yet, as the member says that has it.",
    topic=UpTo(100),
    partition=UpTo(1_000),
)

_own = CollectorRegistry()


class _Started:
    folder: Path | None = None
    done = False


def start(folder: Path | None = None) -> None:
    """Begin to count in this process, and in those that it forks. Only the first call counts.

    With `folder` the processes that share it count together.
    """
    if _Started.done:
        return
    _Started.done, _Started.folder = True, folder
    if folder is None:  # whatever the environment says, which the library asks when it is imported
        values.ValueClass = values.MutexValue
    else:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    for metric in Metric.declared:
        metric.make(_own)


def registry(*more: Collector) -> CollectorRegistry:
    """Return what is counted by this process, or by all that share its folder, and what `more` tell."""
    shown = CollectorRegistry()
    if _Started.folder is None:
        shown.register(_own)
        ProcessCollector(registry=shown)
    else:
        MultiProcessCollector(shown, str(_Started.folder))  # type: ignore[no-untyped-call]
    for collector in more:
        shown.register(collector)
    return shown


def render(accept: str, families: Iterable[Family]) -> tuple[bytes, str]:
    """Return what is counted, and these gauges, in the format that the client accepts; and its media type."""
    encode, media_type = choose_encoder(accept)
    return encode(registry(Families(families))), media_type


class Families(Collector):
    """Gauges that are known already."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Family]:
        """Return them."""
        return self._families

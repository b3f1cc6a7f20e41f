"""Figures for those who look on: what is open, how long it takes, what is wrong.

Whoever reads everything sees the figures of the whole service, others those of their own accounts. They are
read from the database when somebody asks, and again after two seconds at the earliest.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.backoff import pause_after
from app.core.database import reading
from app.domain.errors import Overloaded
from app.domain.lifecycle import OPEN, Status
from app.domain.permissions import Principal, Right
from app.services.backends import BackendState, list_backends
from app.services.partitions import State as PartitionState
from app.services.partitions import list_states as list_partition_states
from app.services.stats_history import History, Moment, spans
from app.store import outbox, webhooks
from app.store import stats as store
from app.store.backends import worker_sign
from app.store.outbox import Waiting
from app.store.request_lists import id_at
from app.store.stats import DriftCount, FailedGroup, Lag, Latency, OpenGroup, Runs
from app.store.webhooks import WebhookCount

MAX_HOURS = 48
_AGE = 2.0  # seconds for which figures are good
_LONGEST_AGE = 30.0  # seconds
_MAX_SHARE = 0.1  # of the time that may be spent on reading them
_PATIENCE = 5.0  # seconds to wait for figures that others are waiting for
_MOST_READERS = 200  # whose figures are kept
_MOST_ZONES = 20
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LATENCY_WINDOW = 900  # seconds
_LATENCY_SAMPLE = 300  # requests of each minute

Accounts = frozenset[str] | None  # None: all


@dataclass(frozen=True, slots=True)
class OpenRequests:
    """Requests that are not settled yet: `store.stats.MOST_OPEN` of a kind stand for more, too."""

    open: int
    by_status: Mapping[Status, int]
    oldest_pending_s: float | None  # since the oldest one was accepted, or due


@dataclass(frozen=True, slots=True)
class WaitingZone:
    """What waits in a zone, and what has failed there."""

    zone: str
    open: int
    failed_24h: int
    oldest_pending_s: float | None


@dataclass(frozen=True, slots=True)
class Stats:
    """All figures at one time. What is about servers is None for those who do not read everything."""

    at: datetime
    requests: OpenRequests
    accepted_per_minute: int
    latency: Latency  # of requests that were accepted within the last `latency_window_s` seconds
    latency_window_s: int
    history: Sequence[Moment]
    zones: Sequence[WaitingZone]  # those in which most is open
    awaiting_approval: int
    backends: Sequence[BackendState] | None
    drift: DriftCount | None
    serial_lag: Sequence[Lag] | None  # the oldest ones
    servers_behind: int | None  # servers of zones, all of them
    runs: Runs | None  # of the last hour
    worker_seen_s: float | None  # since a worker was last there; None also where none has ever been
    events: Sequence[Waiting] | None  # of each listener that is switched on
    webhooks: WebhookCount | None
    partitions: Sequence[PartitionState] | None


class _Servers(NamedTuple):
    """What only those see who read everything."""

    backends: Sequence[BackendState] | None = None
    drift: DriftCount | None = None
    serial_lag: Sequence[Lag] | None = None
    servers_behind: int | None = None
    runs: Runs | None = None
    worker_seen_s: float | None = None
    events: Sequence[Waiting] | None = None
    webhooks: WebhookCount | None = None
    partitions: Sequence[PartitionState] | None = None


@dataclass(frozen=True, slots=True)
class _Groups:
    until: float  # on the monotonic clock: then they are read again
    open: Sequence[OpenGroup]
    failed: Sequence[FailedGroup]

    def of(self, accounts: Accounts) -> "_Groups":
        if accounts is None:
            return self
        return _Groups(
            self.until,
            [group for group in self.open if group.account in accounts],
            [group for group in self.failed if group.account in accounts],
        )


class CurrentStats:
    """The figures as they are now. One for each process: callers share what is read."""

    def __init__(self) -> None:
        self._reading = Lock()
        self._groups: dict[bool, _Groups] = {}  # by whether they are by account
        self._histories: dict[Accounts, History] = {}
        self._known: dict[tuple[Accounts, int], tuple[float, Stats]] = {}  # each with when it gets too old

    def look(self, principal: Principal, hours: int) -> Stats:
        """Return what the principal may see, with a history of so many hours; waits for the database.

        Raises Overloaded where others wait for their figures already, and what the database raises.
        """
        accounts = None if principal.has(Right.READ_ALL) else principal.accounts
        if known := self._get(accounts, hours):
            return known
        if not self._reading.acquire(timeout=_PATIENCE):
            raise Overloaded
        try:
            return self._get(accounts, hours) or self._read(accounts, hours)
        finally:
            self._reading.release()

    def _get(self, accounts: Accounts, hours: int) -> Stats | None:
        until, stats = self._known.get((accounts, hours), (0.0, None))
        return stats if time.monotonic() < until else None

    def _read(self, accounts: Accounts, hours: int) -> Stats:
        if len(self._known) >= _MOST_READERS:
            self._known.clear()
            self._histories.clear()
        began = time.monotonic()
        with reading() as session:
            servers = _look_at_servers(session) if accounts is None else _Servers()
        with reading() as session:
            store.follow_indexes(session)
            groups = self._look_at_groups(session, accounts)
            history = self._histories.setdefault(accounts, History(accounts)).look(session, hours)
            stats = _stats(session, accounts, groups, history, servers)
        self._known[accounts, hours] = (_good_until(began), stats)
        return stats

    def _look_at_groups(self, session: Session, accounts: Accounts) -> _Groups:
        """Return what is open and has failed: to count it for each reader would take too long."""
        by_account = accounts is not None
        known = self._groups.get(by_account)
        if known is None or time.monotonic() >= known.until:
            began = time.monotonic()
            found = store.open_groups(session, by_account=by_account)
            failed = store.failed_groups(session, _id_before(_DAY), by_account=by_account)
            known = self._groups[by_account] = _Groups(_good_until(began), found, failed)
        return known.of(accounts)


def _good_until(began: float) -> float:
    now = time.monotonic()
    return now + pause_after(now - began, _MAX_SHARE, least=_AGE, longest=_LONGEST_AGE)


def _look_at_servers(session: Session) -> _Servers:
    lags, sign = store.lags(session), worker_sign(session)
    return _Servers(
        backends=list_backends(session),
        drift=store.drift(session),
        serial_lag=lags.first,
        servers_behind=lags.number,
        runs=store.runs(session, _id_before(_HOUR)),
        worker_seen_s=sign.age if sign else None,
        events=outbox.list_waiting(session),
        webhooks=webhooks.count(session),
        partitions=list_partition_states(session),
    )


def _stats(
    session: Session, accounts: Accounts, groups: _Groups, history: Sequence[Moment], servers: _Servers
) -> Stats:
    now = datetime.now(UTC)
    lately = [now.timestamp() - age for age in range(_LATENCY_WINDOW, 0, -_MINUTE)]
    last_minute = store.fates(session, spans(lately[-1:], _MINUTE), 1, accounts)
    return Stats(
        at=now,
        requests=_open_requests(groups.open, now),
        accepted_per_minute=last_minute[0].accepted,
        latency=store.latency(session, spans(lately, _MINUTE), _LATENCY_SAMPLE, accounts),
        latency_window_s=_LATENCY_WINDOW,
        history=history,
        zones=_zones(groups, now),
        awaiting_approval=_count(groups.open, Status.AWAITING_APPROVAL),
        **servers._asdict(),
    )


def _open_requests(groups: Sequence[OpenGroup], now: datetime) -> OpenRequests:
    by_status = {status: _count(groups, status) for status in OPEN}
    return OpenRequests(sum(by_status.values()), by_status, _oldest_pending(groups, now))


def _count(groups: Iterable[OpenGroup], status: Status) -> int:
    return sum(group.number for group in groups if group.status == status)


def _oldest_pending(groups: Iterable[OpenGroup], now: datetime) -> float | None:
    since = min((group.since for group in groups if group.status == Status.PENDING), default=None)
    return None if since is None else max(0.0, (now - since).total_seconds())


def _zones(groups: _Groups, now: datetime) -> list[WaitingZone]:
    """Return the zones in which most is open, then those in which most has failed."""
    by_zone: dict[str, list[OpenGroup]] = {}
    for group in groups.open:
        by_zone.setdefault(group.zone, []).append(group)
    failed: Counter[str] = Counter()
    for each in groups.failed:
        failed[each.zone] += each.number
    open_in = {zone: sum(group.number for group in found) for zone, found in by_zone.items()}
    first = sorted({*open_in, *failed}, key=lambda zone: (-open_in.get(zone, 0), -failed[zone], zone))
    return [
        WaitingZone(zone, open_in.get(zone, 0), failed[zone], _oldest_pending(by_zone.get(zone, ()), now))
        for zone in first[:_MOST_ZONES]
    ]


def _id_before(seconds: float) -> UUID:
    return id_at(datetime.now(UTC), -round(seconds * 1_000))

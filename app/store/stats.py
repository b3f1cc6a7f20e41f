"""Figures of the whole service, or of some accounts: each by an index, and of so many rows at most."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from app.domain.lifecycle import Status
from app.store import open_floor
from app.store.models import AWAITING, QUEUED, SCHEDULED, SINCE_FLOOR

MOST_OPEN = (
    200_000  # requests of each kind that are counted: in the queues, scheduled, waiting for an approval
)
MOST_FAILED = 10_000  # requests that are counted, the last ones
MOST_ACCEPTED = 500_000  # in one span
MOST_DRIFT = 100_000  # RRsets
MOST_RUNS = 20_000
MOST_STATES = 20_000  # zones whose serials are compared
MOST_LAGS = 20

# What is due counts from then on.
_OPEN = f"""
    SELECT {{account}} AS account, zone, status, count(*) AS number, min(since) AS since
      FROM (
        (SELECT account_id, zone, status, greatest(created_at, not_before) AS since FROM dns_requests
          WHERE {QUEUED} AND {SINCE_FLOOR} ORDER BY zone, seq LIMIT :most)
        UNION ALL
        (SELECT account_id, zone, status, created_at FROM dns_requests
          WHERE {SCHEDULED} AND {SINCE_FLOOR} ORDER BY not_before, seq LIMIT :most)
        UNION ALL
        (SELECT account_id, zone, status, created_at FROM dns_requests
          WHERE {AWAITING} AND {SINCE_FLOOR} ORDER BY id LIMIT :most)) AS open
     GROUP BY 1, zone, status
"""  # noqa: S608
_FAILED = f"""
    SELECT {{account}} AS account, zone, count(*) AS number
      FROM (SELECT account_id, zone, status FROM dns_requests
             WHERE error_code IS NOT NULL AND id >= :since ORDER BY id DESC LIMIT {MOST_FAILED}) AS latest
     WHERE status = '{Status.FAILED}'
     GROUP BY 1, zone
"""  # noqa: S608
# Milliseconds from the acceptance to the answer of every server; not of those that had to wait for their
# time, or for an approval.
_LATENCY = f"""
    CASE WHEN status = '{Status.SUCCEEDED}' AND not_before IS NULL AND review_id IS NULL
         THEN 1000 * extract(epoch FROM verified_at - created_at) END AS latency
"""


def _rows(columns: str, most: str, condition: str = "true", *, of_accounts: bool) -> str:
    """Return a subquery: the first requests that were accepted in a `span`, so many of an account at most."""
    within, order = "id >= span.first AND id < span.last", "id"
    if of_accounts:  # as rows, and in their order: whatever statistics say, by the index of accounts alone
        within = "(account_id, id) >= (account.id, span.first) AND (account_id, id) < (account.id, span.last)"
        order = "account_id, id"
    found = f"""
        (SELECT {columns} FROM dns_requests
          WHERE {within} AND id >= :lowest AND id < :highest AND {condition} ORDER BY {order} LIMIT {most})
    """  # noqa: S608
    if not of_accounts:
        return found
    return f"""(SELECT one.* FROM unnest(CAST(:accounts AS text[])) AS account (id)
                 CROSS JOIN LATERAL {found} AS one)"""  # noqa: S608


_SPANS = """
    unnest(CAST(:firsts AS uuid[]), CAST(:lasts AS uuid[])) WITH ORDINALITY AS span (first, last, number)
"""


def _history(of_accounts: bool) -> TextClause:
    accepted = _rows("id", str(MOST_ACCEPTED), of_accounts=of_accounts)
    failed = _rows("status", str(MOST_FAILED), "error_code IS NOT NULL", of_accounts=of_accounts)
    sample = _rows(f"status, {_LATENCY}", ":most", of_accounts=of_accounts)
    return text(
        f"""
        SELECT (SELECT count(*) FROM {accepted} AS accepted) AS accepted,
               (SELECT count(*) FROM {failed} AS failed WHERE status = '{Status.FAILED}') AS failed,
               sample.*
          FROM {_SPANS} CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE status = '{Status.SUCCEEDED}') AS sample_succeeded,
                   count(*) FILTER (WHERE status <> '{Status.FAILED}') AS sample_not_failed,
                   percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency) AS percentiles
              FROM {sample} AS each) AS sample
         ORDER BY span.number
        """  # noqa: S608
    )


def _latencies(of_accounts: bool) -> TextClause:
    return text(
        f"""
        SELECT count(latency) AS number,
               percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency) AS percentiles
          FROM {_SPANS} CROSS JOIN LATERAL {_rows(_LATENCY, ":most", of_accounts=of_accounts)} AS each
        """  # noqa: S608
    )


# By whether they are of some accounts only, or of all.
_OPEN_GROUPS = {
    True: open_floor.statement(_OPEN.format(account="account_id")),
    False: open_floor.statement(_OPEN.format(account="NULL")),
}
_FAILED_GROUPS = {
    True: text(_FAILED.format(account="account_id")),
    False: text(_FAILED.format(account="NULL")),
}
_HISTORY = {True: _history(True), False: _history(False)}
_LATENCIES = {True: _latencies(True), False: _latencies(False)}

_FOLLOW_INDEXES = text(
    """
    SELECT set_config(name, 'off', true)
      FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort', 'jit']) AS name
    """
)
_RUNS = text(
    f"""
    SELECT count(*) AS number,
           count(*) FILTER (
               WHERE finished_at IS NOT NULL AND (rc IS DISTINCT FROM 0 OR why IS NOT NULL)) AS failed,
           percentile_cont(0.5) WITHIN GROUP (
               ORDER BY 1000 * extract(epoch FROM finished_at - started_at)) AS p50_ms
      FROM (SELECT started_at, finished_at, rc, why FROM ansible_runs
             WHERE id >= :since ORDER BY id DESC LIMIT {MOST_RUNS}) AS latest
    """  # noqa: S608
)
_DRIFT = text(
    f"""
    SELECT count(DISTINCT zone) AS zones, count(*) AS rrsets
      FROM (SELECT zone FROM dns_drift WHERE confirmed LIMIT {MOST_DRIFT}) AS found
    """  # noqa: S608
)
# Serials go round (RFC 1982, section 3.2): one is behind another that can be reached in less than 2^31 steps.
_LAGS = text(
    f"""
    WITH serial AS MATERIALIZED (
        SELECT state.zone, server.key AS server, (server.value ->> 'serial')::bigint AS serial,
               (server.value ->> 'since')::timestamptz AS since
          FROM (SELECT zone, servers FROM dns_zone_states
                 WHERE servers IS NOT NULL LIMIT {MOST_STATES}) AS state
         CROSS JOIN LATERAL jsonb_each(state.servers) AS server
         WHERE server.value ->> 'serial' IS NOT NULL)
    SELECT own.zone, own.server, max(mod(other.serial - own.serial + 4294967296, 4294967296)) AS behind,
           own.since, count(*) OVER () AS number
      FROM serial AS own JOIN serial AS other ON other.zone = own.zone
     WHERE mod(other.serial - own.serial + 4294967296, 4294967296) BETWEEN 1 AND 2147483647
     GROUP BY own.zone, own.server, own.since
     ORDER BY own.since, own.zone, own.server LIMIT {MOST_LAGS}
    """  # noqa: S608
)


class OpenGroup(NamedTuple):
    """Open requests that have these in common. `since`: when the oldest one was accepted, or due."""

    account: str | None  # None: of all accounts
    zone: str
    status: str
    number: int
    since: datetime


class FailedGroup(NamedTuple):
    """Requests that have failed."""

    account: str | None  # None: of all accounts
    zone: str
    number: int


class Span(NamedTuple):
    """Requests by the times in their ids: from the first id to before the last."""

    first: UUID
    last: UUID


class Fates(NamedTuple):
    """What has become of the requests that were accepted in a span; latencies in milliseconds."""

    accepted: int
    succeeded: int  # an estimate, where more were accepted than are looked at
    failed: int
    p50_ms: float | None
    p95_ms: float | None


class Latency(NamedTuple):
    """From accepted to answered by every server, in milliseconds."""

    number: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Runs(NamedTuple):
    """Ansible runs, those that have ended otherwise than well, and how long the middle one took."""

    number: int
    failed: int
    p50_ms: float | None


class DriftCount(NamedTuple):
    """How much differs from what is recorded."""

    zones: int
    rrsets: int


class Lag(NamedTuple):
    """A server that has an older serial of a zone than another server, and since when it has it."""

    zone: str
    server: str
    behind: int
    since: datetime


class Lags(NamedTuple):
    """How many servers of zones are behind, and the first ones of them."""

    number: int
    first: Sequence[Lag]


def follow_indexes(session: Session) -> None:
    """Let the statements of this transaction read along indexes, and end where their bounds are.

    The planner's statistics may be those of the calm before a burst.
    """
    session.execute(_FOLLOW_INDEXES)


def open_groups(session: Session, *, by_account: bool) -> list[OpenGroup]:
    """Count the open requests by zone and status, and by account where that is asked for."""
    rows = session.execute(
        _OPEN_GROUPS[by_account], {"most": MOST_OPEN, "open_from": open_floor.read(session)}
    )
    return [OpenGroup(*row) for row in rows]


def failed_groups(session: Session, since: UUID, *, by_account: bool) -> list[FailedGroup]:
    """Count the requests since that id that have failed, by zone, and by account where that is asked for."""
    return [FailedGroup(*row) for row in session.execute(_FAILED_GROUPS[by_account], {"since": since})]


def fates(
    session: Session, spans: Sequence[Span], most: int, accounts: Collection[str] | None
) -> list[Fates]:
    """Return what has become of the requests of each span; at most so many of each are looked at."""
    rows = session.execute(_HISTORY[accounts is not None], _parameters(spans, most, accounts))
    return [_fates(row) for row in rows]


def latency(session: Session, spans: Sequence[Span], most: int, accounts: Collection[str] | None) -> Latency:
    """Return the latencies of requests of these spans; at most so many of each are looked at."""
    row = session.execute(_LATENCIES[accounts is not None], _parameters(spans, most, accounts)).one()
    return Latency(row.number, *(row.percentiles or (None, None, None)))


def runs(session: Session, since: UUID) -> Runs:
    """Count the runs since that id."""
    return Runs(*session.execute(_RUNS, {"since": since}).one())


def drift(session: Session) -> DriftCount:
    """Count what differs from what is recorded."""
    return DriftCount(*session.execute(_DRIFT).one())


def lags(session: Session) -> Lags:
    """Return servers that have an older serial than another server of the zone, the oldest first."""
    rows = session.execute(_LAGS).all()
    return Lags(rows[0].number if rows else 0, [Lag(*row[:4]) for row in rows])


def _parameters(spans: Sequence[Span], most: int, accounts: Collection[str] | None) -> dict[str, Any]:
    whose = {} if accounts is None else {"accounts": sorted(accounts)}
    firsts, lasts = [span.first for span in spans], [span.last for span in spans]
    bounds = {"lowest": min(firsts), "highest": max(lasts)}  # by which partitions are left out
    return {"firsts": firsts, "lasts": lasts, "most": most, **bounds, **whose}


def _fates(row: Any) -> Fates:
    share = row.sample_succeeded / row.sample_not_failed if row.sample_not_failed else 0.0
    succeeded = round((row.accepted - row.failed) * share)
    return Fates(row.accepted, succeeded, row.failed, *(row.percentiles or (None, None)))

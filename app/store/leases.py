"""Leases: a worker's right to drain a zone. A lease runs out.

What is written under a lease is fenced by its token, which grows with each holder, and by a nonce of each
hold: a standby that has not seen the last holder before it was promoted gives the same token out again.

`check` locks the lease's row FOR KEY SHARE, which lets the heartbeat through (it changes no key) and keeps
the next holder out (`acquire` writes the key, and so needs the row for itself). However long a claim or a
settlement takes, it never costs the worker its lease.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Interval, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from app.domain.errors import LeaseLost
from app.domain.settlement import Fault
from app.store import open_floor
from app.store.models import QUEUED, SINCE_FLOOR, ZoneLease


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's lease of a zone."""

    zone: str
    token: int
    failures: int  # in a row, of runs that found the zone unavailable or whose outcome stayed unknown
    nonce: UUID | None = None  # of this hold
    backend: str | None = None  # which serves the zone; None: the zone is not served any more
    probe: bool = False  # the backend was unavailable: try it with one request
    left_over: tuple[int, int] | None = None  # the range of `seq` of what the last holder has claimed last
    floor: int = 0  # no open request has a smaller `seq`
    next_account: str = ""  # of several that wait, whose requests come first in the next run
    # By the database's clock, in seconds since 1970: when it was acquired, and when the one before was over
    acquired_at: float = 0.0
    ran_out_at: float | None = None


# A zone's row has a new version with each change. Beside an old snapshot none of them goes: this finds the
# last one first, the forward way goes past thousands.
NEWEST_LEASE = """(
    SELECT * FROM dns_zone_leases WHERE zone >= :zone AND zone <= :zone ORDER BY zone DESC LIMIT 1) AS newest
"""
_ACQUIRE = text(
    f"""
    INSERT INTO dns_zone_leases AS lease (zone, token, nonce, holder, expires_at)
    SELECT :zone, 1, gen_random_uuid(), :holder, clock_timestamp() + :duration
     -- asked first, without a lock: who finds the zone held does not wait for its holder
     WHERE NOT EXISTS (
        SELECT FROM {NEWEST_LEASE}
         WHERE expires_at > clock_timestamp() OR paused_until > clock_timestamp())
    ON CONFLICT (zone) DO UPDATE
       -- the key, too: see above
       SET zone = excluded.zone, token = lease.token + 1, nonce = excluded.nonce,
           holder = excluded.holder, expires_at = excluded.expires_at, kicked_at = NULL, kicks = 0
     WHERE lease.expires_at <= clock_timestamp()
       AND (lease.paused_until IS NULL OR lease.paused_until <= clock_timestamp())
    RETURNING token, nonce, failures, claimed_from, claimed_to, seq_floor, next_account,
              (SELECT backend FROM dns_zones WHERE name = lease.zone) AS backend,
              extract(epoch FROM clock_timestamp())::float8 AS now,
              extract(epoch FROM old.expires_at)::float8 AS ran_out_at
    """  # noqa: S608
).bindparams(bindparam("duration", type_=Interval()))

_BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
}
_CHECK = text(
    f"""
    SELECT lease.token, lease.nonce, lease.expires_at <= clock_timestamp() AS expired, served.backend,
           {", ".join(f"set_config('{name}', '{value}', true)" for name, value in _BY_KEY.items())}
      FROM dns_zone_leases AS lease LEFT JOIN dns_zones AS served ON served.name = lease.zone
     WHERE lease.zone = :zone
       FOR KEY SHARE OF lease
    """  # noqa: S608
)


FLOOR_DELAY = 60.0  # seconds: a request is committed that long after it has got its `seq`, or never
_FLOOR_PAUSE = 1.0  # seconds in which whoever has got a `seq` begins to write

# The oldest request that is open now becomes the floor when all who were writing have ended, or FLOOR_DELAY
# has passed: until then, others with a smaller `seq` may still be on their way to their commit. Those that
# have come meanwhile are older than the floor would be.
_NOTE_CLAIM = open_floor.statement(
    f"""
    UPDATE dns_zone_leases AS lease
       SET claimed_from = :first, claimed_to = :last, next_account = nullif(:next_account, ''),
           seq_floor = CASE WHEN turn.due AND lease.next_floor IS NOT NULL
                            THEN least(lease.next_floor, turn.oldest) ELSE lease.seq_floor END,
           next_floor = CASE WHEN turn.due THEN turn.oldest ELSE lease.next_floor END,
           next_floor_at = CASE WHEN turn.due THEN clock_timestamp() ELSE lease.next_floor_at END,
           next_floor_seen = CASE WHEN turn.due THEN ARRAY[turn.writers_end, turn.oldest]
                                  ELSE lease.next_floor_seen END
      FROM (SELECT due, writers_end, CASE WHEN due THEN (
                       SELECT seq FROM dns_requests
                        WHERE zone = :zone AND {QUEUED} AND seq >= held.seq_floor AND {SINCE_FLOOR}
                        ORDER BY seq LIMIT 1) END AS oldest
              FROM (SELECT seq_floor,
                           CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
                               AS writers_end,
                           next_floor_at IS NULL
                           OR next_floor_at <= clock_timestamp() - make_interval(secs => :delay)
                           OR next_floor_at <= clock_timestamp() - make_interval(secs => :pause)
                              AND next_floor_seen[2] = next_floor
                              AND next_floor_seen[1] <= CAST(CAST(
                                  pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS due
                      FROM {NEWEST_LEASE}) AS held OFFSET 0) AS turn
     WHERE lease.zone = :zone AND lease.token = :token
       AND lease.nonce IS NOT DISTINCT FROM CAST(:nonce AS uuid)
    """  # noqa: S608
)

# Of a zone that nobody has drained yet: who drains it first finds a lease that has run out.
_MAKE_ROW = text(
    """
    INSERT INTO dns_zone_leases (zone, token, holder, expires_at) VALUES (:zone, 0, '', clock_timestamp())
    ON CONFLICT (zone) DO NOTHING
    """
)


def acquire(session: Session, zone: str, holder: str, seconds: float) -> Lease | None:
    """Lease the zone for `seconds`; None while another worker holds it or the zone rests."""
    row = session.execute(
        _ACQUIRE, {"zone": zone, "holder": holder, "duration": timedelta(seconds=seconds)}
    ).one_or_none()
    if row is None:
        return None
    left_over = None if row.claimed_from is None else (row.claimed_from, row.claimed_to)
    return Lease(
        zone,
        row.token,
        row.failures,
        row.nonce,
        row.backend,
        left_over=left_over,
        floor=row.seq_floor,
        next_account=row.next_account or "",
        acquired_at=row.now,
        ran_out_at=row.ran_out_at,
    )


def extend(session: Session, lease: Lease, seconds: float) -> bool:
    """Let the lease end `seconds` from now; False when another worker has taken the zone over."""
    return _update(session, lease, expires_at=func.clock_timestamp() + timedelta(seconds=seconds))


def release(session: Session, lease: Lease, *, all_settled: bool = False) -> None:
    """End the lease; nothing happens when another worker has taken the zone over.

    If all that was claimed is settled, the next holder has not to look for it: what several accounts have
    asked for may be far apart in the queue.
    """
    settled = {"claimed_from": ZoneLease.claimed_to} if all_settled else {}
    _update(session, lease, expires_at=func.clock_timestamp(), **settled)


def check(session: Session, lease: Lease, *, to_claim: bool = False) -> str | None:
    """Keep the zone from being taken over until the transaction ends; return the backend that serves it.

    Raises LeaseLost when another worker holds it; before a claim also when the lease has run out, since a run
    would begin.

    Until the transaction ends, rows are found by their keys (`_BY_KEY`), whatever the statistics say: those
    of an hour without work let the planner go through all requests for each one that is claimed.
    """
    row = session.execute(_CHECK, {"zone": lease.zone}).one_or_none()
    if row is None or (row.token, row.nonce) != (lease.token, lease.nonce) or (to_claim and row.expired):
        raise LeaseLost(lease.zone)
    return cast(str | None, row.backend)


def note_claim(session: Session, lease: Lease, seqs: Collection[int]) -> None:
    """Note the range of `seq` that was claimed, in which the next holder looks for what was left running,
    and whose turn it is in the next run.

    Call it last: it keeps the heartbeat waiting until the transaction ends.
    """
    fence = {"zone": lease.zone, "token": lease.token, "nonce": lease.nonce, "delay": FLOOR_DELAY}
    fence["pause"] = _FLOOR_PAUSE
    fence["open_from"] = open_floor.read(session)
    claim = {"first": min(seqs), "last": max(seqs), "next_account": lease.next_account}
    session.execute(_NOTE_CLAIM, {**fence, **claim})


def rest(session: Session, lease: Lease, seconds: float, fault: Fault) -> None:
    """Let the zone rest for `seconds`."""
    now = func.clock_timestamp()
    _update(
        session,
        lease,
        failures=ZoneLease.failures + 1,
        failing_since=func.coalesce(ZoneLease.failing_since, now),
        fault_code=fault.code,
        fault=fault.why,
        paused_until=now + timedelta(seconds=seconds),
    )


def forget_failures(session: Session, lease: Lease) -> None:
    """Forget the zone's failures: a run has ended as it should."""
    _update(session, lease, failures=0, failing_since=None, fault_code=None, fault=None, paused_until=None)


def end_rest(session: Session, zone: str) -> None:
    """End the zone's rest, for example because another backend serves it now."""
    session.execute(update(ZoneLease).where(ZoneLease.zone == zone).values(paused_until=None))


def _update(session: Session, lease: Lease, **values: object) -> bool:
    statement = (
        update(ZoneLease)
        .where(ZoneLease.zone == lease.zone, ZoneLease.token == lease.token)
        .where(ZoneLease.nonce.is_not_distinct_from(lease.nonce))
        .values(**values)
        .returning(ZoneLease.token)
    )
    return session.scalar(statement) is not None


def keep_still(session: Session, zone: str) -> None:
    """Let nobody claim or settle requests of the zone until the transaction ends: see `check`."""
    session.execute(_MAKE_ROW, {"zone": zone})
    session.execute(select(ZoneLease.zone).where(ZoneLease.zone == zone).with_for_update())

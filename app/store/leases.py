"""Leases: a worker's right to drain a zone. A lease runs out.

What is written under a lease is fenced by its token, which grows with each holder, and by a nonce of each
hold: a standby that has not seen the last holder before it was promoted gives the same token out again.

`check` locks the lease's row FOR KEY SHARE, which lets the heartbeat through (it changes no key) and keeps
the next holder out (`acquire` writes the key, and so needs the row for itself). However long a claim or a
settlement takes, it never costs the worker its lease.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Interval, Row, TextClause, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from app.domain.errors import LeaseLost
from app.domain.settlement import Fault
from app.store import open_floor
from app.store.models import SCHEDULED_FROM, SEQ_STEP, ZoneLease
from app.store.queue_floor import AFTER_CLAIM, AT_RELEASE, FLOOR_DELAY


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
    places_end: int = SCHEDULED_FROM  # when it was checked, no place from this one on was given out
    marks: bool = False  # a claim may mark places below that: its transaction had no number then
    next_account: str = ""  # of several that wait, whose requests come first in the next run
    # By the database's clock, in seconds since 1970: when it was acquired, and when the one before was over
    acquired_at: float = 0.0
    ran_out_at: float | None = None


# A zone's row has a new version with each change. Beside an old snapshot none of them goes: this finds the
# last one first, the forward way goes past thousands.
NEWEST_LEASE = """(
    SELECT * FROM dns_zone_leases WHERE zone >= :zone AND zone <= :zone ORDER BY zone DESC LIMIT 1) AS newest
"""
_AT_NEWEST = """ctid = (
    SELECT ctid FROM dns_zone_leases WHERE zone >= :zone AND zone <= :zone ORDER BY zone DESC LIMIT 1)
"""
_ACQUIRED = """
    RETURNING token, nonce, failures, claimed_from, claimed_to, seq_floor, next_account,
              (SELECT backend FROM dns_zones WHERE name = lease.zone) AS backend,
              extract(epoch FROM clock_timestamp())::float8 AS now,
              extract(epoch FROM old.expires_at)::float8 AS ran_out_at
"""


class _Statements(NamedTuple):
    """A statement about one lease: at its newest version, and past all versions to the one that is there now.

    The first finds nothing where somebody has changed the lease since the statement began, as the heartbeat
    does: then the second one is asked.
    """

    newest: TextClause
    any_version: TextClause

    def execute(self, session: Session, parameters: Mapping[str, object]) -> Row[Any] | None:
        found = session.execute(self.newest, parameters).one_or_none()
        return found or session.execute(self.any_version, parameters).one_or_none()


_ACQUIRE_AGAIN = text(
    f"""
    WITH free AS MATERIALIZED (
        SELECT ctid FROM dns_zone_leases
         WHERE {_AT_NEWEST} AND zone = :zone AND expires_at <= clock_timestamp()
           AND (paused_until IS NULL OR paused_until <= clock_timestamp())
           FOR UPDATE  -- see above
    )
    UPDATE dns_zone_leases AS lease
       SET token = token + 1, nonce = gen_random_uuid(), holder = :holder,
           expires_at = clock_timestamp() + :duration, kicked_at = NULL, kicks = 0
     WHERE ctid = (SELECT ctid FROM free)
    {_ACQUIRED}
    """  # noqa: S608
).bindparams(bindparam("duration", type_=Interval()))
# Of a zone that nobody has drained yet, or whose lease somebody has changed just now.
_ACQUIRE_FIRST = text(
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
    {_ACQUIRED}
    """  # noqa: S608
).bindparams(bindparam("duration", type_=Interval()))
_ACQUIRE = _Statements(_ACQUIRE_AGAIN, _ACQUIRE_FIRST)

_BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
}


def _statements(sql: str, made: Callable[[str], TextClause] = open_floor.statement) -> _Statements:
    """Return both for a statement that ends with conditions, of which `{which}` is one."""
    of_zone = "lease.zone = :zone"
    which = (f"lease.{_AT_NEWEST} AND {of_zone}", of_zone)
    return _Statements(*(made(sql.replace("{which}", each)) for each in which))


_CHECK = _statements(
    f"""
    WITH known AS MATERIALIZED (  -- before the lock, with which the transaction gets its number
        SELECT (SELECT floor FROM dns_open_floor) AS open_from,
               pg_current_xact_id_if_assigned() IS NULL AS marks,
               coalesce(pg_sequence_last_value(pg_get_serial_sequence('dns_requests', 'seq')), 0)
               + {SEQ_STEP} AS places_end
    )
    SELECT lease.token, lease.nonce, lease.expires_at <= clock_timestamp() AS expired, lease.seq_floor,
           served.backend, known.open_from, known.marks, known.places_end,
           {", ".join(f"set_config('{name}', '{value}', true)" for name, value in _BY_KEY.items())}
      FROM known CROSS JOIN dns_zone_leases AS lease
      LEFT JOIN dns_zones AS served ON served.name = lease.zone
     WHERE {{which}}
       FOR KEY SHARE OF lease
    """,  # noqa: S608
    text,
)
_IS_HELD = "lease.token = :token AND lease.nonce IS NOT DISTINCT FROM CAST(:nonce AS uuid)"
_NOTE_CLAIM = _statements(
    f"""
    UPDATE dns_zone_leases AS lease
       SET claimed_from = :first, claimed_to = :last, next_account = nullif(:next_account, ''),
           {AFTER_CLAIM}
     WHERE {{which}} AND {_IS_HELD} RETURNING token
    """  # noqa: S608
)
_RELEASE = _statements(
    f"""
    UPDATE dns_zone_leases AS lease
       SET expires_at = clock_timestamp(),
           claimed_from = CASE WHEN :all_settled THEN claimed_to ELSE claimed_from END,
           {AT_RELEASE}
     WHERE {{which}} AND {_IS_HELD} RETURNING token
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
    parameters = {"zone": zone, "holder": holder, "duration": timedelta(seconds=seconds)}
    row = _ACQUIRE.execute(session, parameters)
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
    _RELEASE.execute(session, {**_fence(session, lease), "all_settled": all_settled})


def check(session: Session, lease: Lease, *, to_claim: bool = False) -> Lease:
    """Keep the zone from being taken over until the transaction ends; return the lease with the backend that
    serves the zone now, and the floor as it is now. A claim's transaction begins with it.

    Raises LeaseLost when another worker holds it; before a claim also when the lease has run out, since a run
    would begin.

    Until the transaction ends, rows are found by their keys (`_BY_KEY`), whatever the statistics say: those
    of an hour without work let the planner go through all requests for each one that is claimed.
    """
    asked_at = time.monotonic()
    row = _CHECK.execute(session, {"zone": lease.zone})
    if row is None or (row.token, row.nonce) != (lease.token, lease.nonce) or (to_claim and row.expired):
        raise LeaseLost(lease.zone)
    open_floor.note(session, row.open_from, asked_at)
    known = {"places_end": row.places_end, "marks": row.marks}
    return replace(lease, backend=row.backend, floor=row.seq_floor, **known)


def note_claim(session: Session, lease: Lease, seqs: Collection[int]) -> None:
    """Note the range of `seq` that was claimed, in which the next holder looks for what was left running,
    and whose turn it is in the next run.

    Call it last: it keeps the heartbeat waiting until the transaction ends.
    """
    claim = {"first": min(seqs), "last": max(seqs)}
    known = {"places_end": lease.places_end, "marks": lease.marks, "next_account": lease.next_account}
    _NOTE_CLAIM.execute(session, {**_fence(session, lease), **claim, **known})


def _fence(session: Session, lease: Lease) -> dict[str, object]:
    """Return what both statements that may raise the floor of the zone's queue are told."""
    held = {"zone": lease.zone, "token": lease.token, "nonce": lease.nonce}
    return {**held, "delay": FLOOR_DELAY, "open_from": open_floor.read(session)}


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

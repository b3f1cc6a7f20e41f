"""Leases: a worker's right to drain a zone. A lease runs out; its token grows with each holder (fencing)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import Interval, bindparam, func, text, update
from sqlalchemy.orm import Session

from app.domain.errors import LeaseLost
from app.domain.settlement import Fault
from app.store.models import ZoneLease


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's lease of a zone."""

    zone: str
    token: int
    failures: int  # in a row, of runs that found the zone unavailable or whose outcome stayed unknown
    backend: str | None = None  # which serves the zone; None: the zone is not served any more
    probe: bool = False  # the backend was unavailable: try it with one request


_ACQUIRE = text(
    """
    INSERT INTO dns_zone_leases AS lease (zone, token, holder, expires_at)
    VALUES (:zone, 1, :holder, clock_timestamp() + :duration)
    ON CONFLICT (zone) DO UPDATE
       SET token = lease.token + 1, holder = excluded.holder, expires_at = excluded.expires_at
     WHERE lease.expires_at <= clock_timestamp()
       AND (lease.paused_until IS NULL OR lease.paused_until <= clock_timestamp())
    RETURNING token, failures, (SELECT backend FROM dns_zones WHERE name = lease.zone) AS backend
    """
).bindparams(bindparam("duration", type_=Interval()))

_CHECK = text(
    """
    SELECT lease.token, served.backend
      FROM dns_zone_leases AS lease LEFT JOIN dns_zones AS served ON served.name = lease.zone
     WHERE lease.zone = :zone
       FOR UPDATE OF lease
    """
)

# Which zones get work. `candidate` is a table of one column, `zone`.
_DUE = """
    -- some request is open, and does not just wait for its next try or verification
    EXISTS (
        SELECT FROM dns_requests AS request
         WHERE request.zone = candidate.zone AND request.finished_at IS NULL
           AND (request.check_at IS NULL OR request.check_at <= clock_timestamp()))
    -- no worker holds the zone, and it does not rest after a lost run
    AND NOT EXISTS (
        SELECT FROM dns_zone_leases AS lease
         WHERE lease.zone = candidate.zone
           AND (lease.expires_at > clock_timestamp() OR lease.paused_until > clock_timestamp()))
    -- its backend does not rest, and is not being probed by another of its zones
    AND NOT EXISTS (
        SELECT FROM dns_zones AS served
          JOIN dns_backends AS backend ON backend.name = served.backend
          LEFT JOIN dns_zones AS probing
            ON probing.name = backend.probed_by AND probing.backend = backend.name
          LEFT JOIN dns_zone_leases AS probe_lease ON probe_lease.zone = probing.name
         WHERE served.name = candidate.zone
           AND (backend.paused_until > clock_timestamp() OR probe_lease.expires_at > clock_timestamp()))
"""
_HAS_WORK = text(f"SELECT {_DUE} FROM (VALUES (:zone)) AS candidate (zone)")  # noqa: S608
# Steps from zone to zone along ix_dns_requests_open: the cost grows with the number of zones that have open
# requests, not with the number of requests.
_ZONES_WITH_WORK = text(
    f"""
    WITH RECURSIVE candidate (zone) AS (
        (SELECT zone FROM dns_requests WHERE finished_at IS NULL ORDER BY zone LIMIT 1)
        UNION ALL
        SELECT (SELECT request.zone FROM dns_requests AS request
                 WHERE request.finished_at IS NULL AND request.zone > candidate.zone
                 ORDER BY request.zone LIMIT 1)
          FROM candidate WHERE candidate.zone IS NOT NULL
    )
    SELECT candidate.zone FROM candidate WHERE {_DUE}
    """  # noqa: S608
)


def acquire(session: Session, zone: str, holder: str, seconds: float) -> Lease | None:
    """Lease the zone for `seconds`; None while another worker holds it or the zone rests."""
    row = session.execute(
        _ACQUIRE, {"zone": zone, "holder": holder, "duration": timedelta(seconds=seconds)}
    ).one_or_none()
    return Lease(zone, row.token, row.failures, row.backend) if row else None


def extend(session: Session, lease: Lease, seconds: float) -> bool:
    """Let the lease end `seconds` from now; False when another worker has taken the zone over."""
    return _update(session, lease, expires_at=func.clock_timestamp() + timedelta(seconds=seconds))


def release(session: Session, lease: Lease) -> None:
    """End the lease; nothing happens when another worker has taken the zone over."""
    _update(session, lease, expires_at=func.clock_timestamp())


def check(session: Session, lease: Lease) -> str | None:
    """Keep the zone from being taken over until the transaction ends; return the backend that serves it.

    Raises LeaseLost when another worker holds it.
    """
    row = session.execute(_CHECK, {"zone": lease.zone}).one_or_none()
    if row is None or row.token != lease.token:
        raise LeaseLost(lease.zone)
    return cast(str | None, row.backend)


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


def has_work(session: Session, zone: str) -> bool:
    """Return whether the zone has requests to work on and no worker."""
    return bool(session.scalar(_HAS_WORK, {"zone": zone}))


def zones_with_work(session: Session) -> list[str]:
    """Return the zones that have requests to work on and no worker."""
    return list(session.scalars(_ZONES_WITH_WORK))


def _update(session: Session, lease: Lease, **values: object) -> bool:
    statement = (
        update(ZoneLease)
        .where(ZoneLease.zone == lease.zone, ZoneLease.token == lease.token)
        .values(**values)
        .returning(ZoneLease.token)
    )
    return session.scalar(statement) is not None

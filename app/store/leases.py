"""Who drains a zone: a claim that runs out, with a token that grows (fencing)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import Interval, bindparam, func, text, update
from sqlalchemy.orm import Session

from app.store.models import ZoneLease


@dataclass(frozen=True, slots=True)
class Lease:
    """A zone that this worker holds."""

    zone: str
    token: int
    failures: int  # runs in a row whose outcome stayed unknown
    backend: str | None = None  # that serves the zone; None: it is not served any more
    probe: bool = False  # the backend was away: try it with one request


_ACQUIRE = text(
    """
    INSERT INTO dns_zone_leases AS held (zone, token, holder, expires_at)
    VALUES (:zone, 1, :holder, clock_timestamp() + :duration)
    ON CONFLICT (zone) DO UPDATE
       SET token = held.token + 1, holder = excluded.holder, expires_at = excluded.expires_at
     WHERE held.expires_at <= clock_timestamp()
       AND (held.paused_until IS NULL OR held.paused_until <= clock_timestamp())
    RETURNING token, failures, (SELECT backend FROM dns_zones z WHERE z.name = held.zone) AS backend
    """
).bindparams(bindparam("duration", type_=Interval()))


_CHECK = text(
    """
    SELECT l.token, z.backend
      FROM dns_zone_leases l LEFT JOIN dns_zones z ON z.name = l.zone
     WHERE l.zone = :zone
       FOR UPDATE OF l
    """
)

_OPEN = "finished_at IS NULL"
_DUE = f"""
    EXISTS (SELECT FROM dns_requests r
             WHERE r.zone = w.zone AND r.{_OPEN}
               AND (r.status <> 'verifying' OR r.check_at <= clock_timestamp()))
    AND NOT EXISTS (SELECT FROM dns_zone_leases l
                     WHERE l.zone = w.zone
                       AND (l.expires_at > clock_timestamp() OR l.paused_until > clock_timestamp()))
    AND NOT EXISTS (SELECT FROM dns_zones z JOIN dns_backends b ON b.name = z.backend
                      LEFT JOIN dns_zones o ON o.name = b.probed_by AND o.backend = b.name
                      LEFT JOIN dns_zone_leases p ON p.zone = o.name
                     WHERE z.name = w.zone
                       AND (b.paused_until > clock_timestamp() OR p.expires_at > clock_timestamp()))
"""  # noqa: S608
_HAS_WORK = text(f"SELECT {_DUE} FROM (VALUES (:zone)) AS w (zone)")  # noqa: S608
# Steps from zone to zone along ix_dns_requests_open: its cost grows with the zones that have open requests.
_WITH_WORK = text(
    f"""
    WITH RECURSIVE w (zone) AS (
        (SELECT zone FROM dns_requests WHERE {_OPEN} ORDER BY zone LIMIT 1)
        UNION ALL
        SELECT (SELECT r.zone FROM dns_requests r WHERE r.{_OPEN} AND r.zone > w.zone ORDER BY r.zone LIMIT 1)
          FROM w WHERE w.zone IS NOT NULL
    )
    SELECT w.zone FROM w WHERE {_DUE}
    """  # noqa: S608
)


class LeaseLost(Exception):
    """Another worker holds the zone; what this one knows of it is out of date."""


def acquire(session: Session, zone: str, holder: str, seconds: float) -> Lease | None:
    """Claim the zone for so long; None while another holds it or while it rests."""
    row = session.execute(
        _ACQUIRE, {"zone": zone, "holder": holder, "duration": timedelta(seconds=seconds)}
    ).one_or_none()
    return Lease(zone, row.token, row.failures, row.backend) if row else None


def extend(session: Session, lease: Lease, seconds: float) -> bool:
    """Hold it for so long from now on; False when another has taken it over."""
    return _change(session, lease, expires_at=func.clock_timestamp() + timedelta(seconds=seconds))


def release(session: Session, lease: Lease) -> None:
    """Give it back; nothing happens when another has taken it over."""
    _change(session, lease, expires_at=func.clock_timestamp())


def check(session: Session, lease: Lease) -> str | None:
    """Keep the zone from being taken over until the transaction ends; return which backend serves it now.

    Raises LeaseLost when another holds it: what this worker knows is out of date.
    """
    row = session.execute(_CHECK, {"zone": lease.zone}).one_or_none()
    if row is None or row.token != lease.token:
        raise LeaseLost(lease.zone)
    return cast(str | None, row.backend)


def rest(session: Session, lease: Lease, seconds: float) -> None:
    """Let the zone rest for so long: its last run left nothing that can be trusted."""
    _change(
        session,
        lease,
        failures=ZoneLease.failures + 1,
        paused_until=func.clock_timestamp() + timedelta(seconds=seconds),
    )


def recovered(session: Session, lease: Lease) -> None:
    """Forget the failures: a run has done its work."""
    _change(session, lease, failures=0, paused_until=None)


def wake(session: Session, zone: str) -> None:
    """End a zone's rest: its backend has been changed, say."""
    session.execute(update(ZoneLease).where(ZoneLease.zone == zone).values(paused_until=None))


def has_work(session: Session, zone: str) -> bool:
    """Whether something is due in the zone and nobody is at work on it."""
    return bool(session.scalar(_HAS_WORK, {"zone": zone}))


def zones_with_work(session: Session) -> list[str]:
    """The zones where something is due and nobody is at work."""
    return list(session.scalars(_WITH_WORK))


def _change(session: Session, lease: Lease, **values: object) -> bool:
    statement = (
        update(ZoneLease)
        .where(ZoneLease.zone == lease.zone, ZoneLease.token == lease.token)
        .values(**values)
        .returning(ZoneLease.token)
    )
    return session.scalar(statement) is not None

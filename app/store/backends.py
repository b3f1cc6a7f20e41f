"""How the DNS services behind the zones are: one that is away costs its own zones only."""

from datetime import timedelta
from enum import Enum, auto

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.store.models import Backend, Zone, ZoneLease

_FAILURES = text("SELECT failures FROM dns_backends WHERE name = :name")
_PROBE = text(
    """
    UPDATE dns_backends SET probed_by = :zone
     WHERE name = :name AND paused_until <= clock_timestamp()
       AND NOT EXISTS (SELECT FROM dns_zone_leases l JOIN dns_zones z ON z.name = l.zone
                        WHERE l.zone = probed_by AND l.zone <> :zone AND l.expires_at > clock_timestamp()
                          AND z.backend = :name)
    RETURNING name
    """
)


class Admission(Enum):
    """Whether a zone of the backend may be worked off now."""

    FREELY = auto()  # all is well
    PROBE = auto()  # it was away: one zone, with one request, finds out whether it is back
    NOT_NOW = auto()  # it rests, is being probed, or has as many runs as it may have


def admit(session: Session, name: str, zone: str, max_runs: int | None) -> Admission:
    """Ask for a run on the backend; a zone that probes keeps others from it for as long as it is held.

    Take the zone's lease first: it counts among the runs, and settling locks the two in this order as well.
    """
    if max_runs is not None and _busy(session, name) > max_runs:
        return Admission.NOT_NOW
    if not failures(session, name):
        return Admission.FREELY
    # Locked in a statement of its own: the next one sees the lease of who has had the lock before.
    session.execute(select(Backend.name).where(Backend.name == name).with_for_update())
    return Admission.PROBE if session.scalar(_PROBE, {"name": name, "zone": zone}) else Admission.NOT_NOW


def failures(session: Session, name: str) -> int:
    """How often in a row it was away."""
    return session.scalar(_FAILURES, {"name": name}) or 0


def rest(session: Session, name: str, seconds: float) -> None:
    """It is away: let all its zones rest for so many seconds.

    Those that were at work when it went find out one by one; while it rests that is no further failure.
    """
    now = func.clock_timestamp()
    until = now + timedelta(seconds=seconds)
    statement = insert(Backend).values(name=name, failures=1, paused_until=until)
    changed = {"failures": Backend.failures + 1, "paused_until": until}
    awake = Backend.paused_until.is_(None) | (Backend.paused_until <= now)
    session.execute(statement.on_conflict_do_update(index_elements=[Backend.name], set_=changed, where=awake))


def recovered(session: Session, name: str) -> None:
    """It has answered: work off all its zones."""
    values = {"failures": 0, "paused_until": None, "probed_by": None}
    session.execute(update(Backend).where(Backend.name == name, Backend.failures > 0).values(**values))


def _busy(session: Session, name: str) -> int:
    """How many of its zones are being worked off; under a lock, so that two can't take the last place."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    statement = select(func.count()).select_from(ZoneLease).join(Zone, Zone.name == ZoneLease.zone)
    running = statement.where(Zone.backend == name, ZoneLease.expires_at > func.clock_timestamp())
    return session.scalar(running) or 0

"""What is put right now and then: floors of `seq`, waits that a clock made long, what is of no use."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.lifecycle import Status
from app.store import open_floor
from app.store.models import OPEN_ONLY, QUEUED, SINCE_FLOOR
from app.store.queue_floor import FLOOR_DELAY

# The oldest open request of each zone, from zone to zone along ix_dns_requests_open.
_LOWER_FLOORS = open_floor.statement(
    f"""
    WITH RECURSIVE oldest (zone, seq) AS (
        (SELECT zone, seq FROM dns_requests WHERE {QUEUED} AND {SINCE_FLOOR} ORDER BY zone, seq LIMIT 1)
        UNION ALL
        SELECT following.zone, following.seq
          FROM oldest CROSS JOIN LATERAL (
            SELECT zone, seq FROM dns_requests WHERE {QUEUED} AND {SINCE_FLOOR} AND zone > oldest.zone
             ORDER BY zone, seq LIMIT 1) AS following
    )
    UPDATE dns_zone_leases AS lease SET seq_floor = 0, next_floor = NULL, next_floor_at = clock_timestamp()
      FROM oldest WHERE lease.zone = oldest.zone AND lease.seq_floor > oldest.seq
    """  # noqa: S608
)
_RAISE_FLOORS = open_floor.statement(
    f"""
    UPDATE dns_zone_leases AS lease SET seq_floor = claimed_to + 1, next_floor = NULL, next_floor_at = NULL
     WHERE expires_at <= clock_timestamp() - make_interval(secs => :delay)
       AND seq_floor <= claimed_to AND claimed_to < 9223372036854775807
       AND NOT EXISTS (
        SELECT FROM dns_requests
         WHERE zone = lease.zone AND finished_at IS NULL AND {SINCE_FLOOR}
           AND seq BETWEEN lease.seq_floor AND claimed_to)
    """  # noqa: S608
)
# The oldest open request of a zone that no worker has.
_WIDEN_CLAIMS = open_floor.statement(
    f"""
    WITH left_running AS (
        SELECT lease.zone, oldest.seq
          FROM dns_zone_leases AS lease CROSS JOIN LATERAL (
            SELECT seq, status FROM dns_requests
             WHERE zone = lease.zone AND {QUEUED} AND seq >= lease.seq_floor AND {SINCE_FLOOR}
             ORDER BY seq LIMIT 1) AS oldest
         WHERE lease.expires_at <= clock_timestamp() AND oldest.status = '{Status.RUNNING}'
    )
    UPDATE dns_zone_leases AS lease
       SET claimed_from = least(claimed_from, seq), claimed_to = greatest(claimed_to, seq)
      FROM left_running
     WHERE lease.zone = left_running.zone AND expires_at <= clock_timestamp()
       AND (seq BETWEEN claimed_from AND claimed_to) IS NOT TRUE
    RETURNING lease.zone
    """  # noqa: S608
)

_OPEN_REQUESTS = f"finished_at IS NULL AND {SINCE_FLOOR}"


def _after(seconds: str) -> str:
    return f"clock_timestamp() + make_interval(secs => {seconds})"


# What may be further ahead than it can be: the table, the condition for that, and what is set then.
_TOO_FAR = (
    (
        "dns_zone_leases",
        f"(expires_at > {_after('2 * :lease')} OR paused_until > {_after('2 * :pause')})",
        # without a condition, least() would let zones rest that do not
        f"expires_at = least(expires_at, {_after(':lease')}),"
        f" paused_until = CASE WHEN paused_until IS NOT NULL"
        f" THEN least(paused_until, {_after(':pause')}) END",
    ),
    ("dns_backends", f"paused_until > {_after('2 * :pause')}", f"paused_until = {_after(':pause')}"),
    (
        "dns_requests",
        f"{_OPEN_REQUESTS} AND check_at > {_after('2 * :pause')}",
        f"check_at = {_after(':pause')}",
    ),
    (
        "dns_requests",
        f"{_OPEN_REQUESTS} AND verify_by > {_after('2 * :deadline')}",
        f"verify_by = {_after(':deadline')}",
    ),
    ("dns_watch_leases", f"expires_at > {_after('2 * :lease')}", f"expires_at = {_after(':lease')}"),
    ("dns_publisher_leases", f"expires_at > {_after('2 * :lease')}", f"expires_at = {_after(':lease')}"),
)
_ANY_OF_THEM = " OR ".join(
    f"EXISTS (SELECT FROM {table} WHERE {condition})" for table, condition, _ in _TOO_FAR
)
_IS_ANY_TOO_FAR = open_floor.statement(f"SELECT {_ANY_OF_THEM}")
_SHORTEN = tuple(
    text(f"UPDATE {table} SET {changes} WHERE {condition}")  # noqa: S608
    for table, condition, changes in _TOO_FAR
)
_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float8")

_DROP_PLANS = text("DELETE FROM dns_plans WHERE expires_at <= now()")
# A zone that is served again gets a lease with another nonce: nobody who held the old one can settle with it.
_DROP_LEASES = open_floor.statement(
    f"""
    DELETE FROM dns_zone_leases AS lease
     WHERE expires_at < clock_timestamp() - interval '1 day'
       AND NOT EXISTS (SELECT FROM dns_zones WHERE name = lease.zone)
       AND NOT EXISTS (SELECT FROM dns_requests WHERE zone = lease.zone AND {OPEN_ONLY})
    """  # noqa: S608
)
_DROP_WATCH_LEASES = text(
    """
    DELETE FROM dns_watch_leases AS lease
     WHERE expires_at < clock_timestamp() - interval '1 day'
       AND NOT EXISTS (SELECT FROM dns_zones WHERE backend = lease.backend)
    """
)


def mend_floors(session: Session) -> None:
    """Lower the floors of zones that have an older open request; raise those of zones that are idle.

    A request is below its zone's floor when its commit took longer than thought possible, or when somebody
    has opened it again by hand.
    """
    open_from = {"open_from": open_floor.exact(session)}
    session.execute(_LOWER_FLOORS, open_from)
    session.execute(_RAISE_FLOORS, {"delay": FLOOR_DELAY, **open_from})


def widen_claims(session: Session) -> Sequence[str]:
    """Let the next holder of a lease find what is running in its zone and is not in the range claimed last.

    Nothing leaves such a request; whoever has written to the table by hand may. Returns the zones.
    """
    return session.scalars(_WIDEN_CLAIMS, {"open_from": open_floor.exact(session)}).all()


def read_clock(session: AnySession) -> float:
    """Return the database's time, in seconds since 1970."""
    return float(session.scalar(_CLOCK) or 0)


def read_time(session: AnySession) -> datetime:
    """Return the database's time: the one that all processes have, whatever the clocks of their hosts say."""
    return datetime.fromtimestamp(read_clock(session), UTC)


def shorten_waits(session: Session, lease: float, pause: float, deadline: float) -> None:
    """Cut what lasts longer than it can: the database's clock was set back, or another server took its place.

    No lease is longer than `lease` seconds, no pause than `pause`, and no verification than `deadline`. A
    worker that is alive extends its leases again before the shortened ones are over.
    """
    limits = {"lease": lease, "pause": pause, "deadline": deadline, "open_from": open_floor.exact(session)}
    if session.scalar(_IS_ANY_TOO_FAR, limits):
        for statement in _SHORTEN:
            session.execute(statement, limits)


def drop_expired_plans(session: Session) -> None:
    """Remove the plans that can't be applied any more."""
    session.execute(_DROP_PLANS)


def drop_leases_of_old(session: Session) -> None:
    """Forget who worked on zones and backends that are served no more; not what is open there."""
    session.execute(_DROP_LEASES, {"open_from": open_floor.exact(session)})
    session.execute(_DROP_WATCH_LEASES)

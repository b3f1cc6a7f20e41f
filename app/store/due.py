"""Which zones are due: they have work, no worker, and a place among the runs of their backend."""

from collections.abc import Collection, Mapping

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.domain.retry_policy import LONGEST_KICK_PAUSE
from app.store import open_floor
from app.store.leases import NEWEST_LEASE
from app.store.models import QUEUED, SINCE_FLOOR, ZoneLease

_LEASE = "zone, seq_floor, expires_at, paused_until"
# Octets of the table of leases for each zone: some 150 versions, to pass which costs as much as a look-up.
_CROWDED = 32_768

# Of zones whose backend has places for some of them only, those are due whose requests have waited longest.
# The leases are read once. Beside an old snapshot each has as many versions as it was changed since: where
# the table has grown by those, the newest one of each zone is looked up instead (store/leases.py).
#
# One look into ix_dns_requests_open for each zone. To step through that index from zone to zone would be less
# work for many idle zones, but visit all that was settled since the oldest snapshot.
_ZONES = open_floor.statement(
    f"""
    WITH RECURSIVE crowd AS MATERIALIZED (
        SELECT pg_relation_size('dns_zone_leases') > {_CROWDED} * (count(*) + 1) AS is_one FROM dns_zones
    ), newest (zone, seq_floor, expires_at, paused_until) AS (
        (SELECT {_LEASE} FROM dns_zone_leases WHERE (SELECT is_one FROM crowd) ORDER BY zone DESC LIMIT 1)
        UNION ALL
        SELECT following.*
          FROM newest CROSS JOIN LATERAL (
            SELECT {_LEASE} FROM dns_zone_leases WHERE zone < newest.zone ORDER BY zone DESC LIMIT 1
          ) AS following
    ), lease AS MATERIALIZED (
        SELECT zone, seq_floor, expires_at > clock_timestamp() AS is_held,
               paused_until > clock_timestamp() AS rests
          FROM (SELECT {_LEASE} FROM dns_zone_leases WHERE NOT (SELECT is_one FROM crowd)
                UNION ALL SELECT * FROM newest) AS each
    ), resting AS MATERIALIZED (  -- or being probed by one of their zones
        SELECT backend.name
          FROM dns_backends AS backend
          LEFT JOIN dns_zones AS probing
            ON probing.name = backend.probed_by AND probing.backend = backend.name
          LEFT JOIN lease AS probe_lease ON probe_lease.zone = probing.name
         WHERE backend.paused_until > clock_timestamp() OR probe_lease.is_held
    ), candidate AS MATERIALIZED (
        SELECT coalesce(served.name, lease.zone) AS zone, coalesce(lease.seq_floor, 0) AS floor,
               served.backend
          FROM dns_zones AS served FULL JOIN lease ON lease.zone = served.name
         -- no worker holds the zone, and it does not rest
         WHERE (lease.is_held OR lease.rests) IS NOT TRUE
    ), waiting AS (
        SELECT candidate.zone, candidate.backend, oldest.seq,
               row_number() OVER (PARTITION BY candidate.backend ORDER BY oldest.seq) AS place
          FROM candidate
         -- some request is open, and does not just wait for its next try or verification
         CROSS JOIN LATERAL (
            SELECT seq FROM dns_requests
             WHERE zone = candidate.zone AND {QUEUED} AND seq >= candidate.floor AND {SINCE_FLOOR}
               AND (check_at IS NULL OR check_at <= clock_timestamp())
             ORDER BY seq LIMIT 1) AS oldest
         WHERE candidate.backend IS NOT DISTINCT FROM coalesce(CAST(:backend AS text), candidate.backend)
           AND NOT EXISTS (SELECT FROM resting WHERE resting.name = candidate.backend)
    ), limited AS MATERIALIZED (
        SELECT backend.name, CASE WHEN backend.failures > 0 THEN 1 ELSE backend.max_runs - (
                SELECT count(*)
                  FROM dns_zones AS running JOIN lease ON lease.zone = running.name
                 WHERE running.backend = backend.name AND lease.is_held
               ) END AS places
          FROM dns_backends AS backend WHERE backend.max_runs IS NOT NULL OR backend.failures > 0
    )
    SELECT waiting.zone FROM waiting LEFT JOIN limited ON limited.name = waiting.backend
     WHERE limited.places IS NULL OR waiting.place <= limited.places
     ORDER BY waiting.seq
    """  # noqa: S608
)
# The same of one zone, but for the places among its backend's runs: asked after each drain, so it is short.
_HAS_WORK = open_floor.statement(
    f"""
    WITH lease AS MATERIALIZED (
        SELECT seq_floor, expires_at > clock_timestamp() OR paused_until > clock_timestamp() AS is_busy
          FROM {NEWEST_LEASE}
    )
    SELECT (SELECT is_busy FROM lease) IS NOT TRUE
    -- for the sake of the order by an index that begins at the floor, whatever the statistics say
    AND (SELECT seq FROM dns_requests
          WHERE zone = :zone AND {QUEUED} AND {SINCE_FLOOR}
            AND seq >= coalesce((SELECT seq_floor FROM lease), 0)
            AND (check_at IS NULL OR check_at <= clock_timestamp())
          ORDER BY seq LIMIT 1) IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM dns_zones AS served
          JOIN dns_backends AS backend ON backend.name = served.backend
          LEFT JOIN dns_zones AS probing
            ON probing.name = backend.probed_by AND probing.backend = backend.name
          LEFT JOIN dns_zone_leases AS probe_lease ON probe_lease.zone = probing.name
         WHERE served.name = :zone
           AND (backend.paused_until > clock_timestamp() OR probe_lease.expires_at > clock_timestamp()))
    """  # noqa: S608
)
# A sweep comes a little early now and then.
_NOTE_KICKS = text(
    """
    INSERT INTO dns_zone_leases AS lease (zone, token, holder, expires_at, kicked_at, kicks)
    SELECT zone, 0, '', clock_timestamp(), clock_timestamp(), 1
      FROM unnest(CAST(:zones AS text[])) AS zone ORDER BY zone
    ON CONFLICT (zone) DO UPDATE SET kicked_at = excluded.kicked_at, kicks = lease.kicks + 1
     WHERE lease.kicked_at IS NULL
        OR lease.kicked_at > clock_timestamp()  -- which was set back since
        OR lease.kicked_at <= clock_timestamp() - 0.9 * make_interval(
            secs => least(:longest, :interval * 2 ^ least(lease.kicks - 1, 16)))
    RETURNING zone, kicks
    """
)


def has_work(session: Session, zone: str) -> bool:
    """Return whether the zone is due, if its backend has a place for it."""
    return bool(session.scalar(_HAS_WORK, {"zone": zone, "open_from": open_floor.read(session)}))


def list_zones(session: Session, backend: str | None = None) -> list[str]:
    """Return the zones that are due, of one backend or of all: those that have waited longest first."""
    return list(session.scalars(_ZONES, {"backend": backend, "open_from": open_floor.read(session)}))


def note_kicks(session: Session, due: Collection[str], interval: float) -> Mapping[str, int]:
    """Return which of these zones to kick now, and how often that makes it since they had a worker.

    The first pause between two kicks of a zone is `interval` seconds, each further one twice as long: however
    many workers sweep, and however long kicks wait for a worker, there are few for each zone.
    """
    parameters = {"zones": sorted(due), "interval": interval, "longest": LONGEST_KICK_PAUSE}
    return {row.zone: row.kicks for row in session.execute(_NOTE_KICKS, parameters)}


def forget_kicks(session: Session, due: Collection[str]) -> None:
    """Forget that these zones were kicked: they were not."""
    zones = ZoneLease.zone.in_(sorted(due))
    session.execute(update(ZoneLease).where(zones).values(kicked_at=None, kicks=0))

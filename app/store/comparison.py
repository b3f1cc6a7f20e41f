"""A zone as a server has transferred it, in a temporary table: whatever its size, it takes no memory of ours.

It is there until the transaction ends.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.zone_key import dns_name
from app.domain.zone_record import KEPT_AT_APEX, ZoneRecord

_CREATE = text(
    "CREATE TEMPORARY TABLE compared (name text, record_type text, ttl int, rdata text) ON COMMIT DROP"
)
_COPY = "COPY pg_temp.compared (name, record_type, ttl, rdata) FROM STDIN"
# An RRset has one TTL (RFC 2181 5.2): the lowest where a server has several.
_COLLECT = text(
    """
    CREATE TEMPORARY TABLE collected ON COMMIT DROP AS
    SELECT name, record_type, min(ttl) AS ttl, array_agg(DISTINCT rdata COLLATE "C") AS rdata
      FROM pg_temp.compared GROUP BY name, record_type
    """
)
_ANALYZE = text("ANALYZE pg_temp.collected")
_ALL_AGAIN = text(
    """
    UPDATE dns_drift SET confirmed = false, kind = NULL, serial = NULL, candidate_at = clock_timestamp()
     WHERE zone = :zone
    """
)
_ADD_DIFFERENCES = text(
    """
    WITH recorded AS (
        SELECT name, record_type, ttl, ARRAY(SELECT unnest(rdata) COLLATE "C" ORDER BY 1) AS rdata
          FROM dns_records
         WHERE zone = :zone AND NOT (name = :apex AND record_type = ANY(:kept_at_apex))
    ), different AS (
        SELECT name, record_type,
               CASE WHEN staged.rdata IS NOT NULL
                    THEN jsonb_build_object('ttl', staged.ttl, 'rdata', to_jsonb(staged.rdata)) END AS found
          FROM pg_temp.collected AS staged FULL JOIN recorded USING (name, record_type)
         WHERE (staged.ttl, staged.rdata) IS DISTINCT FROM (recorded.ttl, recorded.rdata)
    ), added AS (
        INSERT INTO dns_drift AS drift (zone, name, record_type, found, serial, candidate_at)
        SELECT :zone, name, record_type, found, CAST(:serial AS bigint), clock_timestamp() FROM different
        ON CONFLICT (zone, name, record_type) DO UPDATE
           SET confirmed = false, found = excluded.found, serial = excluded.serial,
               candidate_at = excluded.candidate_at,
               restored_by = CASE WHEN drift.found IS NOT DISTINCT FROM excluded.found
                                  THEN drift.restored_by END
        RETURNING 1
    )
    SELECT count(*) FROM added
    """
)


def stage(session: Session, records: Iterable[ZoneRecord]) -> None:
    """Put the records of a zone into the temporary table as they come in, and collect them into RRsets."""
    session.execute(_CREATE)
    connection = session.connection().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for record in records:
            copy.write_row(record)
    session.execute(_COLLECT)
    session.execute(_ANALYZE)


def add_differences(session: Session, zone: str, serial: int | None) -> int:
    """Make candidates of all RRsets that are recorded otherwise than they are staged; return how many.

    What had drifted before becomes a candidate, too. `serial` is that of the primary, if the zone is from it.
    """
    session.execute(_ALL_AGAIN, {"zone": zone})
    parameters = {
        "zone": zone,
        "serial": serial,
        "apex": dns_name(zone),
        "kept_at_apex": sorted(KEPT_AT_APEX),
    }
    return int(session.execute(_ADD_DIFFERENCES, parameters).scalar_one())

"""A zone that is imported: staged as a comparison is, and merged with what is recorded of it.

All of it is done in one transaction, and in statements for the whole zone: memory does not grow with it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core.database_errors import is_locked
from app.domain.origin import Origin
from app.domain.zone_record import ZoneRecord
from app.store import comparison, leases, open_floor
from app.store.models import OPEN_ONLY, SINCE_FLOOR_OF_REQUEST

_OPEN_REQUESTS = text("CREATE TEMPORARY TABLE open_requests (id uuid) ON COMMIT DROP")
_NOTE_OPEN = open_floor.statement(
    f"INSERT INTO pg_temp.open_requests SELECT id FROM dns_requests WHERE zone = :zone AND {OPEN_ONLY}"  # noqa: S608
)
# Requests that were accepted since have greater ids, but for how much clocks differ.
_NOW = text("SELECT extract(epoch FROM clock_timestamp())")
_CLOCKS = 300  # seconds

# Names that a request may have changed since the zone was read: requests that were open then, were accepted
# since, or were in a run since (retried, say). One that has never been in a run has changed nothing. None of
# them is below the floor of open work, which is not raised until a request is settled for a day.
_TOUCHED = f"""
    touched AS MATERIALIZED (
        SELECT request.name FROM pg_temp.open_requests JOIN dns_requests AS request USING (id)
         WHERE request.started_at IS NOT NULL AND {SINCE_FLOOR_OF_REQUEST}
        UNION
        SELECT name FROM dns_requests WHERE zone = :zone AND id >= :since AND started_at IS NOT NULL
        UNION
        SELECT request.name
          FROM ansible_runs AS run
          JOIN dns_requests AS request
            ON request.zone = :zone AND request.id BETWEEN run.first_request_id AND run.last_request_id
           AND request.run_id = run.id AND {SINCE_FLOOR_OF_REQUEST}
         WHERE run.zone = :zone AND run.id >= :since
    )"""  # noqa: S608

_INSERT = open_floor.statement(
    f"""
    WITH {_TOUCHED.lstrip()}
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, origin)
    SELECT :zone, name, record_type, ttl, rdata, '{Origin.IMPORT}' FROM pg_temp.collected
     WHERE name NOT IN (SELECT name FROM touched)
    ON CONFLICT DO NOTHING
    """  # noqa: S608
)

# What was inserted just now, and may not be true any more.
_TAKE_BACK = open_floor.statement(
    f"""
    WITH {_TOUCHED.lstrip()}
    DELETE FROM dns_records
     WHERE zone = :zone AND request_id IS NULL AND created_at = now()
       AND name IN (SELECT name FROM touched)
    """  # noqa: S608
)

_CNAME_CONFLICTS = text(
    """
    SELECT name FROM pg_temp.collected GROUP BY name
    HAVING bool_or(record_type = 'CNAME') AND sum(cardinality(rdata)) > 1 ORDER BY name LIMIT :most
    """
)
_COUNT = text("SELECT count(*) FROM pg_temp.collected")

# Shorter than PostgreSQL waits before it looks for deadlocks: it is never the settlement that is ended.
_WAIT_SHORTLY = text("SET LOCAL lock_timeout = '300ms'")
_WAIT_AS_BEFORE = text("SET LOCAL lock_timeout = DEFAULT")
_TRIES = 3  # to merge while requests of the zone are settled; then they wait


class Merged(NamedTuple):
    """What became of a staged zone."""

    rrsets: int  # that it has
    added: int  # of which nothing was recorded
    candidates: int  # that differ from what is recorded

    def as_json(self) -> dict[str, int]:
        """Return the numbers as JSON."""
        return self._asdict()


class Staging:
    """A zone that is imported in the session's transaction. Begin before the zone is read."""

    def __init__(self, session: Session, zone: str) -> None:
        self._session = session
        now = float(session.execute(_NOW).scalar_one())
        since = UUID(int=int((now - _CLOCKS) * 1_000) << 80)  # ids begin with the time (RFC 9562 5.7)
        self._zone = {"zone": zone, "since": since}
        session.execute(_OPEN_REQUESTS)
        session.execute(_NOTE_OPEN, {"zone": zone, "open_from": open_floor.exact(session)})

    def fill(self, records: Iterable[ZoneRecord]) -> None:
        """Stage the records as they come."""
        comparison.stage(self._session, records)

    def merge(self, serial: int | None) -> Merged:
        """Record what nothing is recorded of, and note as candidates for drift what is recorded otherwise.

        `serial` is that of the primary; None: it is not the primary that was read. Nobody settles requests
        of the zone from the end of this until the transaction ends.
        """
        for _ in range(_TRIES):
            savepoint = self._session.begin_nested()
            try:
                self._session.execute(_WAIT_SHORTLY)
                merged = self._merge(serial)
                self._session.execute(_WAIT_AS_BEFORE)
            except DBAPIError as error:
                if not is_locked(error):
                    raise
                savepoint.rollback()  # what a settlement waits for, which has what this waits for
            else:
                savepoint.commit()
                return merged
        leases.keep_still(self._session, str(self._zone["zone"]))
        return self._merge(serial)

    def _merge(self, serial: int | None) -> Merged:
        zone = str(self._zone["zone"])
        touched = {**self._zone, "open_from": open_floor.exact(self._session)}
        added = self._count(_INSERT, touched)
        candidates = comparison.add_differences(self._session, zone, serial)
        leases.keep_still(self._session, zone)
        touched["open_from"] = open_floor.exact(self._session)
        if taken_back := self._count(_TAKE_BACK, touched):
            added -= taken_back
            candidates = comparison.add_differences(self._session, zone, serial)
        return Merged(int(self._session.execute(_COUNT).scalar_one()), added, candidates)

    def cname_conflicts(self, most: int) -> list[str]:
        """Return so many owner names at most that have a CNAME and other data."""
        return list(self._session.scalars(_CNAME_CONFLICTS, {"most": most}))

    def _count(self, statement: TextClause, parameters: Mapping[str, object]) -> int:
        return int(self._session.execute(statement, parameters).rowcount)  # type: ignore[attr-defined]

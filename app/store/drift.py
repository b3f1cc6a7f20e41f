"""Drift, and the candidates for it: RRsets that the primary has otherwise than they are recorded.

Who confirms or adopts keeps the zone still first (`leases.keep_still`): no run is claimed or settled then, so
that what is recorded, and which requests there are, stays as it was read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.change import NOTHING, RRsetKey, RRsetState
from app.domain.drift import Candidate
from app.domain.lifecycle import Status
from app.domain.origin import DriftKind, Origin
from app.store import open_floor
from app.store.models import OPEN_ONLY, SINCE_FLOOR, SINCE_FLOOR_OF_REQUEST

# One that has drifted already keeps the time at which that was found, and what was to restore it.
_ADD = text(
    """
    INSERT INTO dns_drift AS drift (zone, name, record_type, found, serial, candidate_at)
    SELECT :zone, name, record_type, found, :serial, clock_timestamp()
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (name text, record_type text, found jsonb)
     ORDER BY name, record_type
    ON CONFLICT (zone, name, record_type) DO UPDATE
       SET confirmed = false, found = excluded.found, serial = excluded.serial,
           candidate_at = excluded.candidate_at,
           restored_by = CASE WHEN drift.found IS NOT DISTINCT FROM excluded.found
                              THEN drift.restored_by END
    """
)
_DRIFTED = text(
    """
    SELECT name, record_type FROM dns_drift
     WHERE zone = :zone AND name IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb)))
    """
)
_ZONES = text(
    """
    SELECT DISTINCT drift.zone
      FROM dns_drift AS drift JOIN dns_zones AS served ON served.name = drift.zone
     WHERE NOT drift.confirmed AND served.backend = :backend
    """
)
_TO_SETTLE = text(
    """
    SELECT DISTINCT zone FROM dns_drift
     WHERE zone IN (SELECT jsonb_array_elements_text(CAST(:zones AS jsonb)))
       AND confirmed AND (NOT :new OR restored_by IS NULL)
    """
)
_WAITING = text(
    """
    SELECT drift.name, drift.record_type, record.ttl, record.rdata, clock_timestamp() AS at
      FROM dns_drift AS drift LEFT JOIN dns_records AS record USING (zone, name, record_type)
     WHERE drift.zone = :zone AND NOT drift.confirmed
       AND (drift.name, drift.record_type) > (:name, :record_type)
     ORDER BY drift.name, drift.record_type LIMIT :limit
    """
)
# What was asked for is looked at only as far as it has been in a run: nothing else can have changed a server.
_CANDIDATES = open_floor.statement(
    f"""
    SELECT drift.name, drift.record_type, drift.found, drift.serial, drift.kind, record.ttl, record.rdata,
           extract(epoch FROM clock_timestamp() - drift.candidate_at)::float AS age,
           coalesce(asked.is_busy, false) AS is_busy,
           coalesce(asked.settled_at >= :asked_at, false) AS settled_since_asked,
           coalesce(asked.settled_at >= drift.candidate_at, false) AS settled_since_candidate,
           coalesce(drift.candidate_at <= state.imported_at, false) AS of_import,
           (SELECT request.after FROM dns_requests AS request
             WHERE request.name = drift.name AND request.zone = drift.zone AND {SINCE_FLOOR_OF_REQUEST}
               AND request.record_type = drift.record_type AND request.status = '{Status.SUCCEEDED}'
               AND (record.updated_at IS NULL OR request.finished_at > record.updated_at)
             ORDER BY request.finished_at DESC LIMIT 1) AS requested
      FROM jsonb_to_recordset(CAST(:keys AS jsonb)) AS wanted (name text, type text)
      JOIN dns_drift AS drift ON drift.zone = :zone AND drift.name = wanted.name
       AND drift.record_type = wanted.type AND NOT drift.confirmed
      LEFT JOIN dns_records AS record ON record.zone = drift.zone AND record.name = drift.name
       AND record.record_type = drift.record_type
      LEFT JOIN dns_zone_states AS state ON state.zone = drift.zone
      LEFT JOIN LATERAL (
           SELECT bool_or(request.finished_at IS NULL) AS is_busy, max(request.finished_at) AS settled_at
             FROM dns_requests AS request
            WHERE request.name = drift.name AND request.zone = drift.zone AND {SINCE_FLOOR_OF_REQUEST}
              AND request.record_type = drift.record_type AND request.started_at IS NOT NULL) AS asked
        ON true
    """  # noqa: S608
)
_REMOVE = text(
    """
    DELETE FROM dns_drift AS drift
     USING jsonb_to_recordset(CAST(:keys AS jsonb)) AS gone (name text, type text)
     WHERE drift.zone = :zone AND drift.name = gone.name AND drift.record_type = gone.type
    """
)
# What was to restore it counts until something else is found there.
_CONFIRM = text(
    """
    UPDATE dns_drift AS drift
       SET confirmed = true, kind = row.kind, recorded = row.recorded, found = row.found,
           restored_by = CASE WHEN row.found IS NOT DISTINCT FROM drift.found THEN drift.restored_by END
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS row (name text, type text, kind text, recorded jsonb, found jsonb)
     WHERE drift.zone = :zone AND drift.name = row.name AND drift.record_type = row.type
    """
)
_WANTED = "(CAST(:keys AS jsonb) IS NULL OR (name, record_type) IN (SELECT * FROM wanted))"
_ADOPT = text(
    f"""
    WITH wanted AS (
        SELECT name, type
          FROM jsonb_to_recordset(coalesce(CAST(:keys AS jsonb), '[]')) AS row (name text, type text)
    ), taken AS (
        DELETE FROM dns_drift WHERE zone = :zone AND confirmed AND {_WANTED}
        RETURNING *
    ), gone AS (
        DELETE FROM dns_records AS record USING taken
         WHERE taken.found IS NULL AND record.zone = taken.zone AND record.name = taken.name
           AND record.record_type = taken.record_type
    ), kept AS (
        INSERT INTO dns_records AS record (zone, name, record_type, ttl, rdata, origin)
        SELECT zone, name, record_type, (found ->> 'ttl')::int,
               ARRAY(SELECT jsonb_array_elements_text(found -> 'rdata')), '{Origin.ADOPTED}'
          FROM taken WHERE found IS NOT NULL
        ON CONFLICT (zone, name, record_type) DO UPDATE
           SET ttl = excluded.ttl, rdata = excluded.rdata, origin = excluded.origin, account_id = NULL,
               request_id = NULL, comment = NULL, updated_at = now()
    )
    SELECT * FROM taken ORDER BY name, record_type
    """  # noqa: S608
)
_LIST = open_floor.statement(
    f"""
    WITH wanted AS (
        SELECT name, type
          FROM jsonb_to_recordset(coalesce(CAST(:keys AS jsonb), '[]')) AS row (name text, type text)
    )
    SELECT drift.name, drift.record_type, drift.kind, drift.recorded, drift.found, drift.serial,
           drift.found_at, drift.restored_by, record.owner, record.account_id, record.comment
      FROM dns_drift AS drift
      LEFT JOIN dns_records AS record USING (zone, name, record_type)
     WHERE drift.zone = :zone AND drift.confirmed AND (drift.name, drift.record_type) > (:name, :record_type)
       AND {_WANTED.replace("name,", "drift.name,").replace(" record_type)", " drift.record_type)")}
       AND (NOT :new OR drift.restored_by IS NULL)
       AND (NOT :idle OR NOT EXISTS (
            SELECT FROM dns_requests WHERE id = drift.restored_by AND {OPEN_ONLY}))
     ORDER BY drift.name, drift.record_type LIMIT :limit
    """  # noqa: S608
)
_COUNT = text(
    """
    SELECT count(*) FILTER (WHERE confirmed) AS drifted, count(*) FILTER (WHERE NOT confirmed) AS candidates
      FROM (SELECT confirmed FROM dns_drift WHERE zone = :zone LIMIT :most) AS drift
    """
)
_NOTE_RESTORING = text(
    """
    UPDATE dns_drift AS drift SET restored_by = row.request_id
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (name text, type text, request_id uuid)
     WHERE drift.zone = :zone AND drift.name = row.name AND drift.record_type = row.type
    """
)
_ASK_AGAIN = text(
    """
    INSERT INTO dns_drift AS drift (zone, name, record_type, candidate_at)
    SELECT :zone, name, type, clock_timestamp()
      FROM jsonb_to_recordset(CAST(:keys AS jsonb)) AS row (name text, type text)
    ON CONFLICT (zone, name, record_type) DO UPDATE
       SET confirmed = false, serial = CASE WHEN NOT drift.confirmed THEN drift.serial END,
           candidate_at = excluded.candidate_at
    """
)
_FORGET = text("DELETE FROM dns_drift WHERE zone = :zone")
_REPAIR = open_floor.statement(
    f"""
    WITH repaired AS (
        SELECT row.*, request.id AS request_id, request.account_id, request.resource ->> 'comment' AS comment
          FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (name text, type text, ttl int, rdata text[])
         CROSS JOIN LATERAL (
            SELECT id, account_id, resource FROM dns_requests
             WHERE name = row.name AND zone = :zone AND record_type = row.type AND {SINCE_FLOOR}
               AND status = '{Status.SUCCEEDED}'
             ORDER BY finished_at DESC LIMIT 1) AS request
    ), gone AS (
        DELETE FROM dns_records AS record USING repaired
         WHERE record.zone = :zone AND record.name = repaired.name AND record.record_type = repaired.type
           AND repaired.rdata = '{{}}'
    )
    INSERT INTO dns_records AS record (zone, name, record_type, ttl, rdata, account_id, request_id, comment)
    SELECT :zone, name, type, ttl, rdata, account_id, request_id, comment FROM repaired WHERE rdata <> '{{}}'
    ON CONFLICT (zone, name, record_type) DO UPDATE
       SET ttl = excluded.ttl, rdata = excluded.rdata, account_id = excluded.account_id,
           request_id = excluded.request_id, comment = excluded.comment, origin = '{Origin.REQUEST}',
           updated_at = now()
    """  # noqa: S608
)
_IMPORT = text(
    f"""
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, origin)
    SELECT :zone, name, type, ttl, rdata, '{Origin.IMPORT}'
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (name text, type text, ttl int, rdata text[])
    ON CONFLICT (zone, name, record_type) DO NOTHING
    """  # noqa: S608
)

NO_REQUEST = UUID(int=0)  # as that which restores an RRset: none could be made
_ANYWHERE = RRsetKey("", "")  # where lists begin


@dataclass(frozen=True, slots=True)
class DriftedRRset:
    """An RRset that has drifted: what is recorded and what was found; without `rdata` there is none."""

    name: str
    record_type: str
    kind: DriftKind
    recorded: RRsetState
    found: RRsetState
    serial: int | None = None  # of the primary, when it was found
    found_at: datetime | None = None
    restored_by: UUID | None = None  # the last request that was to restore what is recorded
    owner: str | None = None  # of what is recorded
    account_id: str | None = None  # whose request changed that last
    comment: str | None = None  # of that request

    @property
    def key(self) -> RRsetKey:
        """The RRset."""
        return RRsetKey(self.name, self.record_type)


class Waiting(NamedTuple):
    """Candidates of a zone with what is recorded of them, and when they were listed."""

    recorded: dict[RRsetKey, RRsetState]
    at: datetime  # by the database's clock


class Counts(NamedTuple):
    """How many RRsets of a zone have drifted, and how many may have."""

    drifted: int
    candidates: int


def add_candidates(session: Session, zone: str, found: Mapping[RRsetKey, RRsetState], serial: int) -> None:
    """Add RRsets which may have drifted, each as it was transferred with this serial."""
    rows = [
        {"name": key.name, "record_type": key.type, "found": _as_json(state)} for key, state in found.items()
    ]
    if rows:
        session.execute(_ADD, {"zone": zone, "serial": serial, "rows": json.dumps(rows)})


def ask_again(session: Session, zone: str, keys: Iterable[RRsetKey]) -> None:
    """Have the primary asked for these RRsets, whatever is known of them."""
    session.execute(_ASK_AGAIN, {"zone": zone, "keys": _keys(keys)})


def drifted_at(session: Session, zone: str, names: Iterable[str]) -> set[RRsetKey]:
    """Return the RRsets at these names that have drifted, or may have."""
    rows = session.execute(_DRIFTED, {"zone": zone, "names": to_json(list(names)).decode()})
    return {RRsetKey(*row) for row in rows}


def zones_with_candidates(session: Session, backend: str) -> list[str]:
    """Return the zones of the backend that have candidates."""
    return list(session.scalars(_ZONES, {"backend": backend}))


def zones_to_settle(session: Session, zones: Iterable[str], *, new: bool) -> list[str]:
    """Return those of the zones in which something has drifted; with `new` what nobody was to restore yet."""
    return list(session.scalars(_TO_SETTLE, {"zones": to_json(list(zones)).decode(), "new": new}))


def list_waiting(session: Session, zone: str, behind: RRsetKey | None, limit: int) -> Waiting | None:
    """Return so many candidates of the zone at most, by name and type, behind that one; None: no more."""
    name, record_type = behind or _ANYWHERE
    rows = session.execute(
        _WAITING, {"zone": zone, "name": name, "record_type": record_type, "limit": limit}
    ).all()
    recorded = {RRsetKey(row.name, row.record_type): _recorded(row) for row in rows}
    return Waiting(recorded, min(row.at for row in rows)) if rows else None


def look_at(session: Session, zone: str, keys: Iterable[RRsetKey], asked_at: datetime) -> list[Candidate]:
    """Return what is known of those of these candidates that still are candidates.

    `asked_at` is when the primary was asked for them, by the database's clock.
    """
    asked = {"zone": zone, "keys": _keys(keys), "asked_at": asked_at}
    rows = session.execute(_CANDIDATES, {**asked, "open_from": open_floor.read(session)})
    return [
        Candidate(
            key=RRsetKey(row.name, row.record_type),
            recorded=_recorded(row),
            transferred=None if row.serial is None else _state(row.found),
            drifted=None if row.kind is None else _state(row.found),
            age=row.age,
            is_busy=row.is_busy,
            settled_since_asked=row.settled_since_asked,
            settled_since_candidate=row.settled_since_candidate,
            of_import=row.of_import,
            requested=RRsetState.from_json(row.requested) if row.requested else None,
        )
        for row in rows
    ]


def remove(session: Session, zone: str, keys: Iterable[RRsetKey]) -> None:
    """Remove these: the primary has what is recorded."""
    session.execute(_REMOVE, {"zone": zone, "keys": _keys(keys)})


def confirm(session: Session, zone: str, drifted: Iterable[DriftedRRset]) -> None:
    """Note that these have drifted."""
    rows = [
        {
            "name": each.name,
            "type": each.record_type,
            "kind": each.kind,
            "recorded": _as_json(each.recorded),
            "found": _as_json(each.found),
        }
        for each in drifted
    ]
    session.execute(_CONFIRM, {"zone": zone, "rows": json.dumps(rows)})


def repair(session: Session, zone: str, found: Mapping[RRsetKey, RRsetState]) -> None:
    """Record what the last requests of these RRsets have left."""
    session.execute(_REPAIR, {"zone": zone, "rows": _rrsets(found), "open_from": open_floor.read(session)})


def record_as_imported(session: Session, zone: str, found: Mapping[RRsetKey, RRsetState]) -> None:
    """Record these RRsets, which an import has left to be looked at."""
    session.execute(_IMPORT, {"zone": zone, "rows": _rrsets(found)})


def adopt(session: Session, zone: str, keys: Iterable[RRsetKey] | None = None) -> list[DriftedRRset]:
    """Record what was found of these RRsets, or of all that have drifted; return them."""
    rows = session.execute(_ADOPT, {"zone": zone, "keys": None if keys is None else _keys(keys)})
    return [_drifted(row) for row in rows]


def list_drifted(
    session: Session,
    zone: str,
    limit: int,
    behind: RRsetKey | None = None,
    keys: Iterable[RRsetKey] | None = None,
    *,
    new: bool = False,
    idle: bool = False,
) -> list[DriftedRRset]:
    """Return what has drifted, by name and type; of these RRsets, or all.

    With `new` only what no request was to restore yet, with `idle` what no open request is to restore.
    """
    name, record_type = behind or _ANYWHERE
    wanted = None if keys is None else _keys(keys)
    parameters = {
        "zone": zone,
        "name": name,
        "record_type": record_type,
        "keys": wanted,
        "new": new,
        "idle": idle,
        "limit": limit,
        "open_from": open_floor.read(session),
    }
    return [_drifted(row) for row in session.execute(_LIST, parameters)]


def count(session: Session, zone: str, most: int) -> Counts:
    """Return how many have drifted, and how many may have; not more than so many are counted."""
    return Counts(*session.execute(_COUNT, {"zone": zone, "most": most}).one())


def note_restoring(session: Session, zone: str, requests: Mapping[RRsetKey, UUID]) -> None:
    """Note which requests are to restore these RRsets."""
    rows = [{"name": key.name, "type": key.type, "request_id": str(each)} for key, each in requests.items()]
    session.execute(_NOTE_RESTORING, {"zone": zone, "rows": json.dumps(rows)})


def forget(session: Session, zone: str) -> None:
    """Forget all of the zone's drift."""
    session.execute(_FORGET, {"zone": zone})


def _drifted(row: Row[Any]) -> DriftedRRset:
    more = row._mapping  # an adoption has not all of it
    return DriftedRRset(
        name=row.name,
        record_type=row.record_type,
        kind=DriftKind(row.kind),
        recorded=_state(row.recorded),
        found=_state(row.found),
        serial=more.get("serial"),
        found_at=more.get("found_at"),
        restored_by=None if more.get("restored_by") == NO_REQUEST else more.get("restored_by"),
        owner=more.get("owner"),
        account_id=more.get("account_id"),
        comment=more.get("comment"),
    )


def _recorded(row: Row[Any]) -> RRsetState:
    return RRsetState(row.ttl, tuple(sorted(row.rdata))) if row.rdata else NOTHING


def _state(stored: Mapping[str, Any] | None) -> RRsetState:
    return NOTHING if stored is None else RRsetState.from_json(stored)


def _as_json(state: RRsetState) -> dict[str, Any] | None:
    return state.as_json() if state.rdata else None


def _rrsets(found: Mapping[RRsetKey, RRsetState]) -> str:
    rows = [
        {"name": key.name, "type": key.type, "ttl": state.ttl or 0, "rdata": state.rdata}
        for key, state in found.items()
    ]
    return json.dumps(rows)


def _keys(keys: Iterable[RRsetKey]) -> str:
    return json.dumps([{"name": key.name, "type": key.type} for key in keys])

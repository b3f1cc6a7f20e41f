"""Who watches the zones of a backend, and what the watcher has seen of them.

Two workers that watch one backend, as a lease that has run out allows, do no harm: a serial is advanced from
the one that is stored, or not at all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.store.process_leases import ProcessLeases

LEASES = ProcessLeases("dns_watch_leases", "backend", acquired="looked_at")
_BACKENDS = text("SELECT DISTINCT backend FROM dns_zones")
_ZONES = text(
    """
    SELECT zone.name, zone.settings ->> 'drift' AS policy, state.known_serial,
           state.imported_at IS NOT NULL AS is_imported,
           state.import_state IN ('wanted', 'running') IS TRUE AS is_importing,
           state.servers IS NULL AS is_unseen, state.compare_wanted_at IS NOT NULL AS is_comparison_wanted,
           extract(epoch FROM clock_timestamp() - coalesce(state.full_compare_at, state.imported_at))::float8
               AS since_compared, state.watch_error
      FROM dns_zones AS zone LEFT JOIN dns_zone_states AS state ON state.zone = zone.name
     WHERE zone.backend = :backend
     ORDER BY zone.name
    """
)
_SERVERS = text(
    """
    SELECT state.zone, state.servers
      FROM dns_zone_states AS state JOIN dns_zones AS zone ON zone.name = state.zone
     WHERE zone.backend = :backend AND state.servers IS NOT NULL
    """
)
# Only while the zone is served: its row is locked against its removal.
_NOTE_SERVERS = text(
    """
    INSERT INTO dns_zone_states AS state (zone, servers, checked_at)
    SELECT zone.name, row.servers, clock_timestamp()
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (zone text, servers jsonb)
      JOIN dns_zones AS zone ON zone.name = row.zone
     ORDER BY zone.name
       FOR KEY SHARE OF zone
    ON CONFLICT (zone) DO UPDATE SET servers = excluded.servers, checked_at = excluded.checked_at
    """
)
_ADVANCE = text(
    """
    UPDATE dns_zone_states
       SET known_serial = :serial, soa = :soa, soa_ttl = :soa_ttl, watch_error = NULL,
           full_compare_at = CASE WHEN :compared THEN clock_timestamp() ELSE full_compare_at END,
           compare_wanted_at = CASE WHEN :compared AND compare_wanted_at <= :began THEN NULL
                                    ELSE compare_wanted_at END
     WHERE zone = :zone AND known_serial IS NOT DISTINCT FROM :since AND imported_at IS NOT NULL
    RETURNING zone
    """
)
_NOTE_ERROR = text(
    "UPDATE dns_zone_states SET watch_error = :why WHERE zone = :zone AND watch_error IS DISTINCT FROM :why"
)
_WANT_COMPARISON = text(
    """
    UPDATE dns_zone_states SET compare_wanted_at = clock_timestamp()
     WHERE zone = :zone AND imported_at IS NOT NULL
    RETURNING zone
    """
)
_GET = text(
    """
    SELECT state.known_serial, state.imported_at, state.servers, state.full_compare_at,
           state.compare_wanted_at, state.watch_error, lease.looked_at
      FROM dns_zones AS zone
      LEFT JOIN dns_zone_states AS state ON state.zone = zone.name
      LEFT JOIN dns_watch_leases AS lease ON lease.backend = zone.backend
     WHERE zone.name = :zone
    """
)
_FORGET = text(
    """
    UPDATE dns_zone_states
       SET known_serial = NULL, servers = NULL, watch_error = NULL, compare_wanted_at = clock_timestamp()
     WHERE zone = :zone
    """
)

ServerStates = dict[str, dict[str, Any]]  # by server: "serial", "since", "error"


class WatchedZone(NamedTuple):
    """A zone of a backend, and what is stored of it that decides what the watcher does."""

    name: str
    policy: str | None  # the setting `drift`
    known_serial: int | None
    is_imported: bool
    is_importing: bool
    is_unseen: bool  # nothing is stored of its servers
    is_comparison_wanted: bool
    since_compared: float | None  # seconds since it was compared as a whole, or imported
    watch_error: str | None


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watcher knows of a zone."""

    known_serial: int | None
    imported_at: datetime | None
    servers: ServerStates | None
    full_compare_at: datetime | None
    compare_wanted_at: datetime | None
    watch_error: str | None
    looked_at: datetime | None  # when the backend's servers were last asked, to within a lease


def list_backends(session: Session) -> list[str]:
    """Return the backends that serve zones."""
    return list(session.scalars(_BACKENDS))


def list_zones(session: Session, backend: str) -> list[WatchedZone]:
    """Return the zones of the backend."""
    return [WatchedZone(*row) for row in session.execute(_ZONES, {"backend": backend})]


def servers_of(session: Session, backend: str) -> dict[str, ServerStates]:
    """Return what is stored of the servers of each zone of the backend."""
    return {row.zone: row.servers for row in session.execute(_SERVERS, {"backend": backend})}


def note_servers(session: Session, seen: Mapping[str, ServerStates]) -> None:
    """Store what was seen of the servers of these zones."""
    rows = [{"zone": zone, "servers": servers} for zone, servers in seen.items()]
    session.execute(_NOTE_SERVERS, {"rows": json.dumps(rows)})


def advance(
    session: Session,
    zone: str,
    since: int | None,
    serial: int,
    soa: str,
    soa_ttl: int,
    compared_since: datetime | None = None,
) -> bool:
    """Note up to which serial the records of the zone are true; False where another process has done so.

    `compared_since` is when a comparison of the whole zone began, if there was one.
    """
    values = {"zone": zone, "since": since, "serial": serial, "soa": soa, "soa_ttl": soa_ttl}
    compared = {"compared": compared_since is not None, "began": compared_since}
    return session.scalar(_ADVANCE, {**values, **compared}) is not None


def note_error(session: Session, zone: str, why: str) -> None:
    """Note why the zone's changes can't be read."""
    session.execute(_NOTE_ERROR, {"zone": zone, "why": why})


def want_comparison(session: Session, zone: str) -> bool:
    """Have the whole zone compared with its records; False where it was never imported."""
    return session.scalar(_WANT_COMPARISON, {"zone": zone}) is not None


def get(session: Session, zone: str) -> Watched | None:
    """Return what the watcher knows of a zone that is served."""
    row = session.execute(_GET, {"zone": zone}).one_or_none()
    return None if row is None else Watched(**row._mapping)


def forget(session: Session, zone: str) -> None:
    """Forget what was seen on the zone's servers: others serve it from now on."""
    session.execute(_FORGET, {"zone": zone})

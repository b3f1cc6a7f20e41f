"""How far each zone is known: its import, its serial, and what differs."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

_LIST = text(
    """
    SELECT zone.name, zone.backend, state.import_state, state.import_rrsets, state.import_code,
           state.import_error, state.imported_at IS NOT NULL AS is_imported, state.known_serial,
           coalesce(drift.number, 0) AS drift
      FROM dns_zones AS zone
      LEFT JOIN dns_zone_states AS state ON state.zone = zone.name
      LEFT JOIN (SELECT zone, count(*) AS number FROM dns_drift WHERE confirmed GROUP BY zone) AS drift
             ON drift.zone = zone.name
     ORDER BY zone.name
    """
)


class Overview(NamedTuple):
    """A zone that is served, and how far it is known."""

    name: str
    backend: str
    import_state: str | None  # None: nobody has asked for an import
    import_rrsets: int | None
    import_code: str | None  # why it failed
    import_error: str | None
    is_imported: bool
    known_serial: int | None
    drift: int  # RRsets that differ, confirmed


def list_overview(session: Session) -> list[Overview]:
    """Return every zone that is served, by its key."""
    return [Overview(*row) for row in session.execute(_LIST)]

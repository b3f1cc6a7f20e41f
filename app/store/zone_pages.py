"""Pages of the zones that are served, each with what goes on in it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.lifecycle import Status
from app.store import open_floor, partitions
from app.store.models import OPEN_ONLY
from app.store.stats import follow_indexes

MOST_COUNTED = 1_000  # of each figure, and zone
_LAST_ONES = 20  # requests among which the last change is looked for
_PARTITIONS = 12  # the last ones, in which these are

_FIGURES = f"""
    (SELECT count(*) FROM (SELECT FROM dns_requests AS request
      WHERE request.zone = zone.name AND {OPEN_ONLY} LIMIT {MOST_COUNTED}) AS found) AS open,
    (SELECT count(*) FROM (SELECT status FROM dns_requests AS request
      WHERE request.zone = zone.name AND error_code IS NOT NULL AND id >= :since
      ORDER BY id DESC LIMIT {MOST_COUNTED}) AS found WHERE status = '{Status.FAILED}') AS failed,
    (SELECT count(*) FROM (SELECT FROM dns_drift AS drift
      WHERE drift.zone = zone.name AND confirmed LIMIT {MOST_COUNTED}) AS found) AS drift,
    (SELECT max(finished_at) FROM (SELECT status, finished_at FROM dns_requests AS request
      WHERE request.zone = zone.name AND id >= :lately ORDER BY id DESC LIMIT {_LAST_ONES}) AS found
      WHERE status = '{Status.SUCCEEDED}') AS changed_at
"""  # noqa: S608
_PAGE = open_floor.statement(
    f"""
    SELECT zone.name, zone.backend, state.known_serial AS serial, state.servers,
           state.imported_at IS NOT NULL AS is_imported, {_FIGURES}
      FROM (SELECT name, backend FROM dns_zones
             WHERE name > :after AND (:search = '' OR strpos(name, :search) > 0)
             ORDER BY name LIMIT :limit) AS zone
      LEFT JOIN dns_zone_states AS state ON state.zone = zone.name
     ORDER BY zone.name
    """  # noqa: S608
)


class ZoneRow(NamedTuple):
    """A zone that is served. Numbers are MOST_COUNTED where there are more."""

    name: str
    backend: str
    serial: int | None  # up to which the records are true
    servers: Mapping[str, Any] | None  # as in dns_zone_states
    is_imported: bool
    open: int  # requests
    failed: int  # requests since then
    drift: int  # RRsets
    changed_at: datetime | None  # None: none of the last requests has changed it


def page(session: Session, search: str, since: UUID, limit: int, after: str) -> list[ZoneRow]:
    """Return so many zones with the text in their keys, by key, after that one. Needs a transaction."""
    follow_indexes(session)
    floors = {
        "open_from": open_floor.read(session),
        "lately": partitions.begin_of_last(session, "dns_requests", _PARTITIONS),
    }
    wanted = {"search": search, "since": since, "limit": limit, "after": after, **floors}
    return [ZoneRow(*row) for row in session.execute(_PAGE, wanted)]

"""The last check of each zone's servers."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.orm import Session

# Only while the zone is served: its row is locked against its removal.
_PUT = text(
    """
    INSERT INTO dns_zone_states (zone, last_check)
    SELECT name, CAST(:found AS jsonb) FROM dns_zones WHERE name = :zone FOR KEY SHARE
    ON CONFLICT (zone) DO UPDATE SET last_check = excluded.last_check
    """
)
_GET = text("SELECT last_check FROM dns_zone_states WHERE zone = :zone")


def put(session: Session, zone: str, found: Mapping[str, Any]) -> None:
    """Store the last check of a zone that is served."""
    session.execute(_PUT, {"zone": zone, "found": to_json(found).decode()})


def get(session: Session, zone: str) -> Mapping[str, Any] | None:
    """Return the last check of a zone; None: there was none."""
    found: Mapping[str, Any] | None = session.execute(_GET, {"zone": zone}).scalar()
    return found

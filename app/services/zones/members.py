"""Registers the zones that a catalog lists, each on the catalog's backend, and has them imported.

A worker reads the catalog, the API registers: workers need no right to the audit.
"""

from sqlalchemy.orm import Session

from app.core.database import transaction
from app.core.logging import get_logger
from app.domain.errors import InvalidInput, ZoneExists
from app.domain.origin import Source
from app.domain.permissions import SERVICE
from app.domain.zone_key import view_of
from app.services.zones import registry
from app.store import imports
from app.store.imports import Catalog

log = get_logger(__name__)

_PAUSE = 1.0  # seconds between two looks
_MAX_NAMED = 100  # members that were passed over, in a result


def register_members() -> float:
    """Register the members of catalogs that were read; return the seconds until the next look."""
    with transaction() as session:
        for catalog in imports.list_catalogs(session):
            _register(session, catalog)
    return _PAUSE


def _register(session: Session, catalog: Catalog) -> None:
    added, skipped = 0, []
    for member in catalog.members:
        try:
            zone = registry.add_zone(session, SERVICE, member, catalog.backend, view=view_of(catalog.zone))
            added += 1
        except ZoneExists as error:
            if error.backend != catalog.backend:
                skipped.append({"zone": member, "why": str(error)})
                continue
            zone = registry.get_zone(session, error.zone)
        except InvalidInput as error:
            skipped.append({"zone": member, "why": error.reasons[0].message})
            continue
        _want(session, zone.name)
    result = {"members": len(catalog.members), "added": added, "skipped": skipped[:_MAX_NAMED]}
    imports.finish(session, catalog.zone, len(catalog.members), result)
    log.info("zones of a catalog registered", zone=catalog.zone, added=added, skipped=len(skipped))


def _want(session: Session, zone: str) -> None:
    known = imports.get(session, zone)
    if known is None or known.imported_at is None:
        imports.want(session, zone, Source.TRANSFER)

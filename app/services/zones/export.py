"""A zone as a master file (RFC 1035 5), from what is recorded of it."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from app.core.database import reading
from app.domain.errors import ZoneNotImported
from app.domain.master_file import written
from app.domain.zone_key import dns_name
from app.domain.zone_record import ZoneRecord
from app.services.zones.registry import get_zone
from app.store import imports, records
from app.store.pages import Position

_AT_ONCE = 5_000  # RRsets


def export_zone(session: Session, name: str) -> Iterator[str]:
    """Return parts of the file: what a zone has that was imported. Raises ZoneNotFound, ZoneNotImported.

    What is changed while it is read may be in it or not.
    """
    zone = get_zone(session, name).name
    state = imports.get(session, zone)
    if state is None or state.imported_at is None or state.soa is None:
        raise ZoneNotImported(zone)
    soa = ZoneRecord(dns_name(zone), "SOA", state.soa_ttl or 0, state.soa)
    return _parts(zone, written(soa))


def _parts(zone: str, soa: str) -> Iterator[str]:
    yield soa
    after: Position | None = None
    while True:
        with reading() as session:
            found = records.page(session, {"zone": zone}, _AT_ONCE, after)
        yield "".join(
            written(ZoneRecord(row.name, row.record_type, row.ttl, value))
            for row in found.rows
            for value in row.rdata
        )
        after = found.position
        if after is None:
            return

"""The zones as one looks them over: how far they are known, and what goes on in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from app.domain.permissions import Principal
from app.nameservers.serials import is_newer
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor
from app.store import zone_pages
from app.store.request_lists import id_at
from app.store.zone_pages import ZoneRow

MOST_COUNTED = zone_pages.MOST_COUNTED
_DAY = 86_400_000  # milliseconds


class ServerSerial(NamedTuple):
    """Which serial a server has of a zone, and since when."""

    server: str
    serial: int | None
    since: datetime | None
    error: str | None  # why it does not say it
    is_behind: bool  # another server has a newer one


class Figures(NamedTuple):
    """What goes on in a zone; at most MOST_COUNTED of each."""

    open: int  # requests
    failed: int  # requests of the last day
    drift: int  # RRsets
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ZoneSummary:
    """A zone that is served. What is about servers and everybody's requests is not for everybody: None."""

    name: str
    serial: int | None  # up to which the records are true
    is_imported: bool
    backend: str | None
    servers: Sequence[ServerSerial] | None
    figures: Figures | None


def find_zones(
    session: Session, reader: Principal, search: str | None, limit: int, cursor: str | None
) -> Page[ZoneSummary]:
    """Return a page of the zones that have this text in their keys, by key. Raises InvalidFilter."""
    since = id_at(datetime.now(UTC), -_DAY)
    after = _position(session, cursor) if cursor is not None else ""
    rows = zone_pages.page(session, (search or "").lower(), since, limit + 1, after)
    following = encode_cursor(session, rows[limit - 1].name) if len(rows) > limit else None
    return Page([_summary(row, reader) for row in rows[:limit]], following)


def serials(servers: Mapping[str, Any] | None) -> list[ServerSerial]:
    """Return what is stored of the serials on each server of a zone."""
    known = [each["serial"] for each in (servers or {}).values() if each["serial"] is not None]
    return [_serial(server, each, known) for server, each in sorted((servers or {}).items())]


def _serial(server: str, stored: Mapping[str, Any], known: Iterable[int]) -> ServerSerial:
    own, since = stored["serial"], stored["since"]
    is_behind = own is not None and any(is_newer(other, own) for other in known)
    return ServerSerial(
        server, own, datetime.fromisoformat(since) if since else None, stored["error"], is_behind
    )


def _summary(row: ZoneRow, reader: Principal) -> ZoneSummary:
    sees_all = reader.reads_in_full
    return ZoneSummary(
        name=row.name,
        serial=row.serial,
        is_imported=row.is_imported,
        backend=row.backend if sees_all else None,
        servers=serials(row.servers) if sees_all else None,
        figures=Figures(row.open, row.failed, row.drift, row.changed_at) if sees_all else None,
    )


def _position(session: Session, cursor: str) -> str:
    match decode_cursor(session, cursor):
        case str(name) if name.isprintable():
            return name
    raise invalid_cursor()

"""Which zones are served, and by which backend."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain import names
from app.domain.errors import DomainError, InvalidName
from app.store import leases, requests, zones
from app.store.models import Zone


class InUse(Exception):
    """Requests for the zone are still on their way."""


class Added(NamedTuple):
    """The zone of that name, and whether it is new."""

    zone: Zone
    new: bool


def add(session: Session, name: str, backend: str) -> Added:
    """Serve a zone from now on. Raises InvalidName."""
    normal = names.normalize(name)
    if normal.startswith("*"):
        raise InvalidName("name_invalid", "a wildcard is a name in a zone, not a zone (RFC 4592 4.2)")
    zone = zones.add(session, normal, backend)
    if zone is not None:
        return Added(zone, True)
    present = zones.get(session, normal)
    if present is None:  # removed in between: now there is room for it
        return add(session, name, backend)
    return Added(present, False)


def move(session: Session, zone: Zone, backend: str) -> None:
    """Have another backend serve the zone; if it rests because the old one is away, it is tried at once."""
    zone.backend = backend
    leases.wake(session, zone.name)
    session.flush()
    session.refresh(zone)


def remove(session: Session, name: str) -> bool:
    """Stop serving a zone; what is on its servers stays. False when there is none. Raises InUse."""
    if requests.has_open(session, name):
        raise InUse(name)
    return zones.remove(session, name)


def everything(session: Session) -> list[Zone]:
    """Every zone that is served, by name."""
    return zones.list_all(session)


def find(session: Session, name: str, *, lock: bool = False) -> Zone | None:
    """The zone of that name, however it is written; locked, if it is to be changed or removed."""
    try:
        return zones.get(session, names.normalize(name), lock=lock)
    except DomainError:
        return None


def bootstrap(session: Session, wanted: Mapping[str, str]) -> None:
    """Serve the zones of the settings, where they are not served yet."""
    for name, backend in wanted.items():
        zones.add(session, names.normalize(name), backend)

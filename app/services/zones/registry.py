"""Which zones are served, and by which backend."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.checks import Checks
from app.domain.errors import (
    DomainError,
    InvalidInput,
    InvalidName,
    Reason,
    ZoneExists,
    ZoneInUse,
    ZoneNotFound,
    quoted,
)
from app.domain.names import normalize
from app.schemas.request import Backend
from app.services.backends import KNOWN_FOR
from app.store import backends, leases, requests, zones
from app.store.models import Zone

_BACKEND = TypeAdapter(Backend)
_MAX_NAMED = 20  # backends that a message lists


@dataclass(frozen=True, slots=True)
class ServedZone:
    """A zone that is served, and the inventory host that serves it."""

    name: str
    backend: str
    checks: Checks
    created_at: datetime
    updated_at: datetime


def list_zones(session: Session) -> list[ServedZone]:
    """Return every zone that is served, by name."""
    return [_served(row) for row in zones.list_all(session)]


def get_zone(session: Session, name: str) -> ServedZone:
    """Return the zone of that name, in whichever spelling. Raises ZoneNotFound."""
    return _served(_find(session, name))


def add_zone(session: Session, name: str, backend: str, checks: Checks = Checks.WARN) -> ServedZone:
    """Serve a zone from now on. Raises InvalidInput, ZoneExists."""
    _check_backend(session, backend)
    try:
        normal = _zone_name(name)
    except DomainError as error:
        raise InvalidInput([error.reason("name")]) from error
    while (row := zones.add(session, normal, backend, checks)) is None:
        if present := zones.get(session, normal):
            if present.backend == zones.SIMULATED_BACKEND != backend:  # made up until now
                return change_zone(session, normal, backend, checks)
            raise ZoneExists(present.name, present.backend)
        # Somebody removed it between the two statements: try again.
    return _served(row)


def change_zone(
    session: Session, name: str, backend: str | None = None, checks: Checks | None = None
) -> ServedZone:
    """Change settings of the zone; None leaves one as it is. Raises ZoneNotFound, InvalidInput.

    With a backend, another one or the same, a rest of the zone ends.
    """
    if backend is not None:
        _check_backend(session, backend)
    row = _find(session, name, "change")
    if backend is not None:
        if row.backend == zones.SIMULATED_BACKEND != backend:
            zones.forget_records(session, row.name)
        row.backend = backend
        leases.end_rest(session, row.name)
    if checks is not None:
        row.checks = checks
    session.flush()
    session.refresh(row)
    return _served(row)


def remove_zone(session: Session, name: str) -> None:
    """Stop serving a zone; what is on its servers stays. Raises ZoneNotFound, ZoneInUse."""
    row = _find(session, name, "remove")
    if requests.has_open(session, row.name):
        raise ZoneInUse
    zones.remove(session, row.name)


def check_bootstrap_zones(wanted: Mapping[str, str]) -> list[str]:
    """Return what is wrong with these zones and their backends, by the rules of `add_zone`; a line each."""
    found = []
    for name, backend in wanted.items():
        try:
            _zone_name(name)
        except DomainError as error:
            found.append(f"BOOTSTRAP_ZONES: {quoted(name)} is no zone: {error}")
        try:
            _BACKEND.validate_python(backend)
        except ValidationError:
            found.append(f"BOOTSTRAP_ZONES: {quoted(backend)} is no name of an inventory host")
    return found


def add_bootstrap_zones(session: Session, wanted: Mapping[str, str]) -> None:
    """Serve these zones, each with its backend, where they are not served yet."""
    for name, backend in wanted.items():
        zones.add(session, _zone_name(name), backend)


def _check_backend(session: Session, backend: str) -> None:
    """Raise InvalidInput when no worker's inventory has the backend, once one has told what it has."""
    known = backends.list_names(session, KNOWN_FOR) or backends.list_names(session)
    if known and backend not in known and not settings().simulated:
        named = ", ".join(known[:_MAX_NAMED]) + (", …" if len(known) > _MAX_NAMED else "")
        message = f"no worker's inventory has the backend {quoted(backend)}; there are: {named}"
        raise InvalidInput([Reason(("backend",), "backend_unknown", message)])


def _zone_name(name: str) -> str:
    normal = normalize(name)
    if normal.startswith("*"):
        raise InvalidName("name_invalid", "a wildcard is a name in a zone, not a zone (RFC 4592 4.2)")
    if "\\" in normal:
        raise InvalidName("name_invalid", "the name of a service's instance is no zone (RFC 6763 4.1)")
    return normal


def _find(session: Session, name: str, to: Literal["read", "change", "remove"] = "read") -> Zone:
    try:
        row = zones.get(session, normalize(name), to=to)
    except DomainError as error:
        raise ZoneNotFound from error
    if row is None:
        raise ZoneNotFound
    return row


def _served(row: Zone) -> ServedZone:
    return ServedZone(row.name, row.backend, row.checks, row.created_at, row.updated_at)

"""Which zones are served, and by which backend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from app.core.config import settings
from app.domain.checks import Checks
from app.domain.errors import (
    DomainError,
    InvalidInput,
    InvalidName,
    Reason,
    RightMissing,
    ZoneExists,
    ZoneInUse,
    ZoneNotFound,
    quoted,
)
from app.domain.permissions import SERVICE, Caller, Right
from app.domain.read_zone import read_view, read_zone_key
from app.domain.zone_key import dns_name, view_of, zone_key
from app.domain.zone_settings import ABOUT_ACCESS, ZoneSettings, contradictions, effective, merge
from app.schemas.request import Backend
from app.services.access import audit
from app.services.backends import KNOWN_FOR
from app.store import backends, leases, requests, watch, zones
from app.store.models import Zone

_BACKEND = TypeAdapter(Backend)
_MAX_NAMED = 20  # backends that a message lists


@dataclass(frozen=True, slots=True)
class ServedZone:
    """A zone that is served, and the inventory host that serves it."""

    name: str  # its key
    backend: str
    settings: ZoneSettings
    created_at: datetime
    updated_at: datetime


def list_zones(session: Session) -> list[ServedZone]:
    """Return every zone that is served, by name."""
    return [_served(row) for row in zones.list_all(session)]


def get_zone(session: Session, name: str) -> ServedZone:
    """Return the zone of that key, in whichever spelling. Raises ZoneNotFound."""
    return _served(_find(session, name))


def add_zone(
    session: Session,
    caller: Caller,
    name: str,
    backend: str,
    wanted: Mapping[str, Any] = MappingProxyType({}),
    view: str | None = None,
) -> ServedZone:
    """Serve a zone from now on, with the settings that are wanted. Its view may stand in `name` as well.

    Raises RightMissing, InvalidInput, ZoneExists.
    """
    _require_right_to(wanted, caller)
    reasons = _backend_reasons(session, backend)
    chosen = merge({}, wanted)
    normal = ""
    try:
        normal = _zone_key(name)
        normal = _in_view(normal, view) if view is not None else normal
    except DomainError as error:
        reasons.append(error.reason("view" if error.code == "view_contradicts" else "name"))
    _raise_any([*reasons, *contradictions(normal, chosen)])
    while (row := zones.add(session, normal, backend, *_columns(chosen))) is None:
        if present := zones.get(session, normal):
            if present.backend == zones.SIMULATED_BACKEND != backend:  # made up until now
                return change_zone(session, caller, normal, backend, wanted)
            raise ZoneExists(present.name, present.backend)
        # Somebody removed it between the two statements: try again.
    audit.note(session, caller, "zone_added", row.name, after=_as_json(row))
    return _served(row)


def change_zone(
    session: Session,
    caller: Caller,
    name: str,
    backend: str | None = None,
    patch: Mapping[str, Any] = MappingProxyType({}),
) -> ServedZone:
    """Change the zone: `patch` is one of its settings (RFC 7396).

    With a backend, another one or the same, a rest of the zone ends. Raises RightMissing, ZoneNotFound,
    InvalidInput.
    """
    _require_right_to(patch, caller)
    reasons = _backend_reasons(session, backend)
    row = _find(session, name, "change")
    before = _as_json(row)
    chosen = merge({**(row.settings or {}), "checks": row.checks}, patch)
    _raise_any([*reasons, *contradictions(row.name, chosen)])
    if backend is not None:
        if row.backend != backend:
            watch.forget(session, row.name)
        if row.backend == zones.SIMULATED_BACKEND != backend:
            zones.forget_records(session, row.name)
        row.backend = backend
        leases.end_rest(session, row.name)
    row.checks, row.settings = _columns(chosen)
    session.flush()
    session.refresh(row)
    audit.note(session, caller, "zone_changed", row.name, before, _as_json(row))
    return _served(row)


def remove_zone(session: Session, caller: Caller, name: str) -> None:
    """Stop serving a zone; what is on its servers stays. Raises ZoneNotFound, ZoneInUse."""
    row = _find(session, name, "remove")
    if requests.has_open(session, row.name):
        raise ZoneInUse
    before = _as_json(row)
    zones.remove(session, row.name)
    audit.note(session, caller, "zone_removed", row.name, before)


def is_backend(text: str) -> bool:
    """Whether an inventory host may be called so."""
    try:
        _BACKEND.validate_python(text)
    except ValidationError:
        return False
    return True


def check_bootstrap_zones(wanted: Mapping[str, str]) -> list[str]:
    """Return what is wrong with these zones and their backends, by the rules of `add_zone`; a line each."""
    found = []
    for name, backend in wanted.items():
        try:
            _zone_key(name)
        except DomainError as error:
            found.append(f"BOOTSTRAP_ZONES: {quoted(name)} is no zone: {error}")
        if not is_backend(backend):
            found.append(f"BOOTSTRAP_ZONES: {quoted(backend)} is no name of an inventory host")
    return found


def add_bootstrap_zones(session: Session, wanted: Mapping[str, str]) -> None:
    """Serve these zones, each with its backend, where they are not served yet."""
    for name, backend in wanted.items():
        if row := zones.add(session, _zone_key(name), backend):
            audit.note(session, SERVICE, "zone_added", row.name, after=_as_json(row))


def _backend_reasons(session: Session, backend: str | None) -> list[Reason]:
    """Return the reason against a backend that no worker's inventory has, once one has told what it has."""
    known = () if backend is None else backends.list_names(session, KNOWN_FOR) or backends.list_names(session)
    if backend is None or not known or backend in known or settings().simulated:
        return []
    named = ", ".join(known[:_MAX_NAMED]) + (", …" if len(known) > _MAX_NAMED else "")
    message = f"no worker's inventory has the backend {quoted(backend)}; there are: {named}"
    return [Reason(("backend",), "backend_unknown", message)]


def _raise_any(reasons: Sequence[Reason]) -> None:
    if reasons:
        raise InvalidInput(reasons)


def _columns(chosen: Mapping[str, Any]) -> tuple[Checks, dict[str, Any] | None]:
    """Return the settings that were set as the columns of a zone."""
    others = {name: value for name, value in chosen.items() if name != "checks"}
    return Checks(chosen.get("checks", Checks.WARN)), others or None


def _zone_key(name: str) -> str:
    normal = read_zone_key(name)
    if normal.startswith("*"):
        raise InvalidName("name_invalid", "a wildcard is a name in a zone, not a zone (RFC 4592 4.2)")
    if "\\" in normal:
        raise InvalidName("name_invalid", "the name of a service's instance is no zone (RFC 6763 4.1)")
    return normal


def _in_view(key: str, view: str) -> str:
    own, view = view_of(key), read_view(view)
    if own not in (None, view):
        raise InvalidName("view_contradicts", f"{key} names another view than {view}")
    return zone_key(dns_name(key), view)


def _find(session: Session, name: str, to: Literal["read", "change", "remove"] = "read") -> Zone:
    try:
        key = read_zone_key(name)
    except DomainError as error:
        raise ZoneNotFound(name) from error
    if (row := zones.get(session, key, to=to)) is None:
        raise ZoneNotFound(name, sorted(zones.serving(session, [dns_name(key)])))
    return row


def _as_json(row: Zone) -> dict[str, Any]:
    return {"backend": row.backend, "checks": row.checks.value, "settings": row.settings}


def _require_right_to(wanted: Mapping[str, Any], caller: Caller) -> None:
    """Raise RightMissing where the caller may not say who may change what in a zone, and wants to."""
    given = sorted(ABOUT_ACCESS.intersection(wanted))
    if given and not caller.unrestricted and not caller.principal.has(Right.MANAGE_ACCESS):
        raise RightMissing(f"{Right.MANAGE_ACCESS}, for {', '.join(given)}")


def _served(row: Zone) -> ServedZone:
    in_effect = effective(row.checks, row.settings or {})
    return ServedZone(row.name, row.backend, in_effect, row.created_at, row.updated_at)

"""The zones that are served."""

from typing import Any

from fastapi import APIRouter, Response

from app.api import openapi
from app.api.body import SingleBody, read
from app.api.errors import Problem, Refusal
from app.core.database import transaction
from app.domain.errors import DomainError
from app.domain.rules import Reason
from app.schemas import response as out
from app.schemas.request import NewZone, ZoneChange
from app.schemas.response import ZoneList, ZoneOut
from app.services.zones import registry
from app.store.models import Zone

router = APIRouter(prefix="/zones", tags=["zones"])

_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": out.Problem, "description": "No such zone"}}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": out.Problem, "description": "It is there, or in use"}
}


@router.get("", summary="List the zones")
def list_zones() -> ZoneList:
    """Every zone that is served, by name."""
    with transaction() as session:
        return ZoneList(items=[_shown(zone) for zone in registry.everything(session)])


@router.post("", status_code=201, **openapi.zone("Serve a zone", NewZone, _CONFLICT))
def add_zone(body: SingleBody, response: Response) -> ZoneOut:
    """From now on requests for names in it are accepted, unless a longer zone matches."""
    wanted = read(NewZone, body)
    try:
        with transaction() as session:
            added = registry.add(session, wanted.name, wanted.backend)
    except DomainError as error:
        raise Refusal([Reason(("name",), error.code, error.message)]) from error
    if not added.new:
        raise Problem(409, f"the zone {added.zone.name} is served already, by {added.zone.backend}")
    response.headers["Location"] = f"/api/v1/zones/{added.zone.name}"
    return _shown(added.zone)


@router.get("/{name}", summary="Show a zone", responses=_UNKNOWN)
def show_zone(name: str) -> ZoneOut:
    """One zone."""
    with transaction() as session:
        return _shown(_known(registry.find(session, name)))


@router.patch("/{name}", **openapi.zone("Move a zone to another backend", ZoneChange, _UNKNOWN))
def change_zone(name: str, body: SingleBody) -> ZoneOut:
    """What is pending goes to the new backend."""
    wanted = read(ZoneChange, body)
    with transaction() as session:
        zone = _known(registry.find(session, name, lock=True))
        registry.move(session, zone, wanted.backend)
        return _shown(zone)


@router.delete("/{name}", status_code=204, summary="Stop serving a zone", responses=_UNKNOWN | _CONFLICT)
def remove_zone(name: str) -> None:
    """What is on its servers stays as it is."""
    try:
        with transaction() as session:
            registry.remove(session, _known(registry.find(session, name, lock=True)).name)
    except registry.InUse as error:
        raise Problem(409, "requests for this zone are still on their way") from error


def _known(zone: Zone | None) -> Zone:
    if zone is None:
        raise Problem(404, "there is no such zone")
    return zone


def _shown(zone: Zone) -> ZoneOut:
    return ZoneOut(
        name=zone.name, backend=zone.backend, created_at=zone.created_at, updated_at=zone.updated_at
    )

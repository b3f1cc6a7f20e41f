"""The zones that are served."""

from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from app.api import openapi
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute
from app.api.query import Flag
from app.api.zone_answers import zone_check_out, zone_detail, zone_out
from app.core.database import reading, transaction
from app.core.threads import run_to_the_end
from app.domain.permissions import Caller, Right
from app.schemas.request import NewZone, ZoneChange
from app.schemas.response import ZoneCheckOut, ZoneDetail, ZoneList, ZoneOut
from app.services.requests.cancel import cancel_zone
from app.services.zones import check_orders, drift, imports, registry

router = APIRouter(prefix="/zones", tags=["zones"], route_class=JsonRoute)


@router.get("", summary="List the zones")
@needs(Right.READ)
def list_zones(caller: TheCaller) -> ZoneList:
    """Every zone that is served, by name."""
    with reading() as session:
        return ZoneList(items=[zone_out(zone, caller) for zone in registry.list_zones(session)])


@router.post("", status_code=201, summary="Serve a zone", responses=openapi.BODY | openapi.ZONE_CONFLICT)
@needs(Right.MANAGE_ZONES)
async def add_zone(
    body: NewZone,
    response: Response,
    caller: TheCaller,
    check: Annotated[Flag, Query(description="false: no server is asked whether it has the zone")] = True,
) -> ZoneOut:
    """From now on requests for names in it are accepted, unless a longer zone matches.

    A worker asks every server of the backend whether it has the zone, takes updates, and transfers it; what
    is missing is in `check`, and the zone is served all the same: its requests wait until it is there. What
    the zone holds stays as it is, and is not imported.
    """
    zone = await run_to_the_end(partial(_add, body, caller))
    response.headers["Location"] = f"/api/v1/zones/{quote(zone.name, safe='/@')}"
    return zone_out(zone, caller, await check_orders.check(zone) if check else None)


@router.post(
    "/{name:path}/check",
    summary="Check a zone",
    responses=openapi.NO_ZONE,
)
@needs(Right.MANAGE_ZONES)
async def check_zone(name: str) -> ZoneCheckOut:
    """A worker asks every server of the zone for what it needs: to answer, take updates, and transfer it."""
    zone = await run_to_the_end(partial(_get, name))
    return zone_check_out(await check_orders.check(zone))


@router.get("/{name:path}", summary="Show a zone", responses=openapi.NO_ZONE)
@needs(Right.READ)
def show_zone(name: str, caller: TheCaller) -> ZoneDetail:
    """One zone, its last import, and which serial each of its servers has since when."""
    with reading() as session:
        zone = registry.get_zone(session, name)
        check = check_orders.last_check(session, zone.name)
        imported = imports.find_import(session, zone.name)
        return zone_detail(zone, caller, check, imported, drift.watched(session, zone.name))


@router.patch(
    "/{name:path}",
    summary="Change a zone",
    responses=openapi.BODY | openapi.NO_ZONE,
)
@needs(Right.MANAGE_ZONES)
def change_zone(name: str, body: ZoneChange, caller: TheCaller) -> ZoneOut:
    """What is pending goes to the new backend. A setting counts for what is accepted from now on.

    What is left out stays as it is; null resets a setting to its default (RFC 7396).
    """
    with transaction() as session:
        zone = registry.change_zone(session, caller, name, body.backend, body.settings)
    return zone_out(zone, caller)


@router.delete(
    "/{name:path}",
    status_code=204,
    summary="Stop serving a zone",
    responses=openapi.NO_ZONE | openapi.ZONE_CONFLICT,
)
@needs(Right.MANAGE_ZONES)
def remove_zone(
    name: str,
    caller: TheCaller,
    cancel_open: Annotated[
        Flag, Query(description="cancel the requests that wait; 409 while others are running")
    ] = False,
) -> None:
    """What is on its servers stays as it is."""
    if cancel_open:
        with transaction() as session:
            zone = registry.get_zone(session, name)
        cancel_zone(zone.name, caller)
    with transaction() as session:
        registry.remove_zone(session, caller, name)


def _add(body: NewZone, caller: Caller) -> registry.ServedZone:
    with transaction() as session:
        return registry.add_zone(session, caller, body.name, body.backend, body.settings, body.view)


def _get(name: str) -> registry.ServedZone:
    with reading() as session:
        return registry.get_zone(session, name)

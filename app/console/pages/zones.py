"""Zones: the list, and what is recorded of one of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.console.auth import PageRoute, TheCaller, needs
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import show
from app.core.database import reading
from app.domain.permissions import Right
from app.schemas.request import Type
from app.services.records import RecordFilter, find_records
from app.services.zones import check_orders, drift, registry
from app.services.zones.overview import find_zones, serials

router = APIRouter(prefix="/zones", route_class=PageRoute)

_ZONES, _RECORDS = 50, 100  # of a page


@router.get("")
@needs(Right.READ)
def list_zones(
    request: Request, caller: TheCaller, search: FilterText = None, cursor: Cursor = None
) -> Response:
    """The zones that are served, by name."""
    with reading() as session:
        page = find_zones(session, caller.principal, search, _ZONES, cursor)
    return show(request, "zones/list.html", page=page, search=search)


@router.get("/{name:path}")
@needs(Right.READ)
def show_zone(
    request: Request,
    caller: TheCaller,
    name: str,
    search: FilterText = None,
    record_type: Annotated[OneOf[Type], Query()] = None,
    owner: FilterText = None,
    cursor: Cursor = None,
) -> Response:
    """What is recorded of a zone, and the serials of its servers."""
    with reading() as session:
        zone = registry.get_zone(session, name)
        wanted = RecordFilter(zone.name, None, record_type, owner=owner, text=search)
        page = find_records(session, wanted, _RECORDS, cursor, caller)
        watched = drift.watched(session, zone.name)
        check = check_orders.last_check(session, zone.name)
    return show(
        request,
        "zones/records.html",
        zone=zone,
        filters=wanted,
        page=page,
        watched=watched,
        servers=serials(watched.servers),
        check=check,
    )

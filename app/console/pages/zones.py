"""Zones: the list, and what is recorded of one of them."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.console.auth import PageRoute, TheCaller, has_right, needs
from app.console.errors import error_page
from app.console.forms import Form, TheForm, done, read_shape
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import show
from app.console.words import segment
from app.core.database import reading, transaction
from app.core.threads import run_to_the_end
from app.domain.errors import InvalidInput, ZoneExists
from app.domain.permissions import Caller, Right
from app.schemas.request import NewZone, Type
from app.services.access.reading import account_to_list
from app.services.backends import list_backends
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
    return _list(request, caller, search, cursor)


@router.post("")
@needs(Right.MANAGE_ZONES)
async def add_zone(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Serve a zone, and have a worker ask its servers for what it needs: its page shows what is missing."""
    try:
        zone = await run_to_the_end(partial(_add, caller, form))
    except (InvalidInput, ZoneExists) as error:
        return await run_in_threadpool(_list, request, caller, None, None, form, error)
    await check_orders.check(zone)
    return done(request, f"/zones/{segment(zone.name)}", "zone-added")


@router.post("/{name:path}/check")
@needs(Right.MANAGE_ZONES)
async def check_zone(request: Request, name: str) -> Response:
    """Have a worker ask every server of a zone for what it needs."""
    zone = await run_to_the_end(partial(_get, name))
    found = await check_orders.check(zone)
    if found.state is check_orders.State.UNKNOWN:
        return error_page(request, 503, f"No server was asked: {found.why}.")
    return done(request, f"/zones/{segment(zone.name)}", "zone-checked")


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
    if owner is not None:  # what others own is not told to whoever may see the RRset alone
        owner = account_to_list(caller.principal, owner)
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


def _list(
    request: Request,
    caller: Caller,
    search: str | None,
    cursor: str | None,
    form: Form | None = None,
    error: InvalidInput | ZoneExists | None = None,
) -> Response:
    with reading() as session:
        page = find_zones(session, caller.principal, search, _ZONES, cursor)
        may_add = has_right(caller, Right.MANAGE_ZONES)
        backends = sorted(each.name for each in list_backends(session)) if may_add else ()
    return show(
        request,
        "zones/list.html",
        error.status if error else 200,
        page=page,
        search=search,
        backends=backends,
        values=form.shown() if form else {},
        reasons=error.reasons if isinstance(error, InvalidInput) else (),
        conflict=str(error) if isinstance(error, ZoneExists) else None,
    )


def _add(caller: Caller, form: Form) -> registry.ServedZone:
    """Raises InvalidInput, ZoneExists."""
    asked = {"name": form.text("name") or "", "backend": form.text("backend") or ""}
    view = form.text("view")
    body = read_shape(NewZone, asked | ({"view": view} if view else {}))
    with transaction() as session:
        return registry.add_zone(session, caller, body.name, body.backend, body.settings, body.view)


def _get(name: str) -> registry.ServedZone:
    with reading() as session:
        return registry.get_zone(session, name)

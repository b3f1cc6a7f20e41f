"""What was done to an RRset, and how it is taken back."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.console.auth import PageRoute, needs
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import show
from app.core.database import reading
from app.domain.permissions import Right
from app.schemas.request import Type
from app.services.requests.history import rrset_history
from app.services.zones import registry

router = APIRouter(prefix="/zones", route_class=PageRoute)

_STEPS = 20  # of a page


@router.get("/{name:path}/history")
@needs(Right.READ_ALL)
def show_history(
    request: Request,
    name: str,
    rrset: FilterText = None,
    record_type: Annotated[OneOf[Type], Query()] = None,
    cursor: Cursor = None,
) -> Response:
    """The settled requests of an RRset, the newest first."""
    with reading() as session:
        zone = registry.get_zone(session, name)
        page = None
        if record_type is not None:
            page = rrset_history(session, zone.name, rrset or "@", record_type, _STEPS, cursor)
    return show(
        request, "zones/history.html", zone=zone, page=page, rrset=rrset or "", record_type=record_type
    )

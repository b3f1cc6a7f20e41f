"""RRsets of zones."""

from fastapi import APIRouter

from app.api import answers, openapi
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute
from app.api.query import Cursor, ShortLimit
from app.core.database import reading
from app.domain.permissions import Right
from app.schemas.request import Type
from app.schemas.response import HistoryPage
from app.services.requests.history import rrset_history

router = APIRouter(prefix="/zones/{zone:path}/rrsets", tags=["zones"], route_class=JsonRoute)


@router.get(
    "/{name:path}/{record_type}/history",
    summary="Read what was done to an RRset",
    responses=openapi.NO_ZONE,
)
@needs(Right.READ_ALL)
def show_history(
    zone: str, name: str, record_type: Type, caller: TheCaller, limit: ShortLimit = 20, cursor: Cursor = None
) -> HistoryPage:
    """Its settled requests, newest first: who has changed it, when, from what to what.

    `name` is relative to the zone, `@` its apex; a name that lies in the zone may be written in full.
    """
    with reading() as session:
        page = rrset_history(session, zone, name, record_type, limit, cursor)
    return answers.history_page(page, caller.principal)

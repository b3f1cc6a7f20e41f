"""What was done to an RRset, and how it is taken back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import TheForm, done, read_shape
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import show
from app.console.submitting import follow_up
from app.console.words import segment
from app.core.database import reading
from app.domain.change import Via
from app.domain.permissions import Right
from app.schemas.request import Type, Undo
from app.services.requests.history import rrset_history
from app.services.requests.undo import UndoOrder, undo_request
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


@router.post("/{name:path}/history/undo/{request_id}")
@needs(Right.SUBMIT)
async def undo(request: Request, caller: TheCaller, form: TheForm, name: str, request_id: UUID) -> Response:
    """Submit what restores the RRset as it was before a request."""
    why = read_shape(Undo, {"context": {"reason": form.text("reason")}})
    order = UndoOrder(
        source="console", via=Via.CONSOLE, caller=caller, reason=why.context.reason, comment=why.comment
    )
    result = await run_in_threadpool(undo_request, request_id, order, request.app.state.backlog)
    follow_up(request, caller, [result])
    back = f"/zones/{segment(name)}/history"
    return done(request, back, "undo-asked", rrset=form.text("rrset"), record_type=form.text("record_type"))

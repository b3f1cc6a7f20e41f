"""The approver's inbox: what waits for his decision, looked at, approved or rejected."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import TheForm, done, read_shape
from app.console.query import Cursor
from app.console.rendering import show
from app.core.database import reading
from app.domain.lifecycle import Status
from app.domain.permissions import Caller, Right
from app.domain.told import of_plan
from app.schemas.request import Approval, Rejection
from app.services.paging import Page
from app.services.plan.from_records import Planned
from app.services.plan.told import as_told
from app.services.requests.batch import BodyWorkers
from app.services.requests.case import find_approver
from app.services.requests.lookup import RequestFilter, RequestState, find_requests
from app.services.review import decide
from app.services.review.approve import approve
from app.services.review.look import look_at

router = APIRouter(prefix="/approvals", route_class=PageRoute)

_PAGE = 50


@router.get("")
@needs(Right.APPROVE)
def list_waiting(request: Request, caller: TheCaller, cursor: Cursor = None) -> Response:
    """What the reader may approve, the newest first."""
    with reading() as session:
        page = find_waiting(session, caller, _PAGE, cursor)
    return show(request, "approvals/list.html", page=page)


@router.get("/{request_id}")
@needs(Right.APPROVE)
async def show_review(request: Request, request_id: UUID, caller: TheCaller) -> Response:
    """What it would change, as the servers have it now, with all that is decided together."""
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        look = await look_at(request_id, caller)
    me = caller.principal
    told = [as_told(item, me) if isinstance(item, Planned) else item for item in look.planned]
    changes = [
        (waiting, item, _forecast(item) if isinstance(item, Planned) else None)
        for waiting, item in zip(look.case.waiting, told, strict=True)
    ]
    return show(request, "approvals/one.html", request_id=request_id, look=look, changes=changes)


@router.post("/{request_id}/approve")
@needs(Right.APPROVE)
async def approve_request(request: Request, request_id: UUID, caller: TheCaller, form: TheForm) -> Response:
    """Approve what was looked at."""
    workers: BodyWorkers = request.app.state.plan_workers
    said = read_shape(Approval, {"comment": form.text("comment"), "state": form.text("state")})
    await approve(request_id, caller, workers, said.state, said.comment)
    return done(request, f"/requests/{request_id}", "approved")


@router.post("/{request_id}/reject")
@needs(Right.APPROVE)
async def reject_request(request: Request, request_id: UUID, caller: TheCaller, form: TheForm) -> Response:
    """Reject it for good."""
    said = read_shape(Rejection, {"comment": form.text("comment")})
    await run_in_threadpool(decide.reject, request_id, caller, said.comment)
    return done(request, f"/requests/{request_id}", "rejected")


def find_waiting(session: Session, caller: Caller, limit: int, cursor: str | None) -> Page[RequestState]:
    """Return a page of what waits for an approval that the caller may give."""
    approver = find_approver(session, caller.principal)
    wanted = RequestFilter(status=Status.AWAITING_APPROVAL, approver=approver)
    return find_requests(session, wanted, limit, cursor)


def _forecast(item: Planned) -> str:
    """Say what would become of the change, of which the reader is told already."""
    planned = item.effect.planned
    return planned.message or of_plan(planned.outcome, planned.code)

"""One request: how far it has come, and what can be done with it."""

from typing import NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.console.advice import advice_for
from app.console.auth import PageRoute, TheCaller, has_right, needs
from app.console.forms import TheForm, done, read_shape
from app.console.query import Cursor
from app.console.rendering import show
from app.console.submitting import follow_up
from app.core.database import reading
from app.domain.change import Via
from app.domain.lifecycle import CANCELLABLE, RETRYABLE, Status
from app.domain.permissions import Caller, Right
from app.schemas.request import Undo
from app.services.backends import obstacle_of
from app.services.requests import cancel, retry
from app.services.requests.backlog import Backlog
from app.services.requests.lookup import RequestState, get_log, get_request, why_failed
from app.services.requests.undo import UndoOrder, undo_request

router = APIRouter(prefix="/requests", route_class=PageRoute)

_LINES = 200  # of a log's page


class _May(NamedTuple):
    """What the reader can do with a request as it is now."""

    cancel: bool
    retry: bool
    undo: bool
    decide: bool


@router.get("/{request_id}")
@needs(Right.READ)
def show_request(request: Request, request_id: UUID, caller: TheCaller) -> Response:
    """How far it has come, what it has changed, what each server answers, and its log."""
    with reading() as session:
        found = get_request(session, request_id, caller.principal)
        state = found.request
        obstacle = obstacle_of(session, state.zone) if state.status is Status.PENDING else None
    return show(
        request,
        "requests/one.html",
        found=found,
        each=state,
        obstacle=obstacle,
        why=why_failed(state, caller.principal),
        advice=advice_for(state.error_code) if state.error_code else None,
        can=_what_can(caller, state),
    )


@router.get("/{request_id}/log")
@needs(Right.READ)
def show_log(request: Request, request_id: UUID, caller: TheCaller, cursor: Cursor = None) -> Response:
    """All lines of its log, the newest first."""
    with reading() as session:
        page = get_log(session, request_id, caller.principal, _LINES, cursor)
    return show(request, "requests/log.html", request_id=request_id, page=page)


@router.post("/{request_id}/cancel")
@needs(Right.STEER)
def cancel_request(request: Request, request_id: UUID, caller: TheCaller) -> Response:
    """Cancel it."""
    cancel.cancel_request(request_id, caller)
    return done(request, f"/requests/{request_id}", "cancelled")


@router.post("/{request_id}/retry")
@needs(Right.STEER)
async def retry_request(request: Request, request_id: UUID, caller: TheCaller) -> Response:
    """Retry it."""
    backlog: Backlog = request.app.state.backlog
    retried = await run_in_threadpool(retry.retry_request, request_id, caller, backlog)
    backlog.add(retried.additions)
    return done(request, f"/requests/{request_id}", "retried")


@router.post("/{request_id}/undo")
@needs(Right.SUBMIT)
async def undo(request: Request, request_id: UUID, caller: TheCaller, form: TheForm) -> Response:
    """Submit what takes it back, and lead to that."""
    why = read_shape(Undo, {"context": {"reason": form.text("reason")}}).context
    order = UndoOrder(via=Via.CONSOLE, source=Via.CONSOLE.value, caller=caller, reason=why.reason)
    result = await run_in_threadpool(undo_request, request_id, order, request.app.state.backlog)
    follow_up(request, caller, [result])
    return done(request, f"/requests/{result.request.id}", "undoes")


def _what_can(caller: Caller, state: RequestState) -> _May:
    """Return what to offer. What is refused all the same says why."""
    steers = has_right(caller, Right.STEER) and caller.principal.steers(state.account_id)
    may_undo = has_right(caller, Right.SUBMIT) and caller.principal.speaks_for(state.account_id)
    return _May(
        cancel=steers and state.status in CANCELLABLE,
        retry=steers and state.status in RETRYABLE,
        undo=may_undo and state.status is Status.SUCCEEDED,
        decide=has_right(caller, Right.APPROVE) and state.status is Status.AWAITING_APPROVAL,
    )

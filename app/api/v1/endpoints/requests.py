"""Follow requests, and take a hand in what becomes of them."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from app.api import answers, event_streams, openapi, waiting
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute
from app.api.preferences import preferred
from app.api.query import Cursor, Flag, Limit, Text
from app.api.request_details import detail_as_json
from app.core.database import reading
from app.domain.errors import InvalidFilter, InvalidInput, Reason, RightMissing
from app.domain.lifecycle import Status
from app.domain.permissions import Caller, Right
from app.schemas.request import CancelSelection, RetrySelection, Selection, Source, Timestamp, Type
from app.schemas.response import BatchProgress, EventPage, ManyChanged, RequestDetail, RequestOut, RequestPage
from app.services.access.reading import account_to_list
from app.services.requests import cancel, retry
from app.services.requests.backlog import Backlog
from app.services.requests.case import find_approver
from app.services.requests.lookup import RequestFilter, find_requests, get_batch, get_log

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_REQUEST = TypeAdapter(RequestOut)


@router.get("/requests/{request_id}", response_model=RequestDetail, **openapi.request())
@needs(Right.READ)
async def show_request(request_id: UUID, request: Request, caller: TheCaller) -> Response:
    """How far it has come, with its log: every change of status, and what Ansible said.

    As `text/event-stream` it is the log as it is written: an event `status` for each of the request's own
    lines, `log` for what Ansible says, and at last `end` with the request as JSON has it. `Last-Event-ID`
    goes on behind that event.
    """
    if _wants_stream(request):
        return await event_streams.follow(request, request_id, caller)
    content = await run_in_threadpool(_read_detail, request_id, caller)
    return Response(content, headers={"Vary": "Accept"}, media_type="application/json")


@router.get(
    "/requests/{request_id}/events",
    response_model=EventPage,
    **openapi.events(),
)
@needs(Right.READ)
async def list_events(
    request_id: UUID, request: Request, caller: TheCaller, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Newest first: every change of its status, and what Ansible said of it and of its runs.

    As `text/event-stream` it is followed, as the request itself is.
    """
    if _wants_stream(request):
        return await event_streams.follow(request, request_id, caller)
    content = await run_in_threadpool(_read_events, request_id, caller, limit, cursor)
    return Response(content, headers={"Vary": "Accept"}, media_type="application/json")


@router.get("/requests", summary="List requests")
@needs(Right.READ)
def list_requests(
    caller: TheCaller,
    status: Status | None = None,
    code: Annotated[Text | None, Query(description="of the error")] = None,
    account_id: Annotated[Text | None, Query()] = None,
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: Type | None = None,
    source: Annotated[Source | None, Query()] = None,
    run_id: Annotated[UUID | None, Query(description="the last run that they were part of")] = None,
    batch_id: UUID | None = None,
    since: Annotated[Timestamp | None, Query(description="accepted then or later")] = None,
    until: Annotated[Timestamp | None, Query(description="accepted earlier")] = None,
    limit: Limit = 100,
    mine: Annotated[
        Flag | None, Query(description="true: those that wait for an approval, and that you may approve")
    ] = None,
    cursor: Cursor = None,
) -> RequestPage:
    """Newest first; of a zone's open requests, the last in its queue first.

    With filters a page can be short, even empty; only the last one has no `next_cursor`.
    """
    account = account_id if mine else account_to_list(caller.principal, account_id)
    if mine:
        _require_approvals_only(caller, status)
        status = Status.AWAITING_APPROVAL
    wanted = RequestFilter(
        status, code, account, zone, domain, record_type, source, run_id, batch_id, since, until
    )
    with reading() as session:
        if mine:
            wanted = replace(wanted, approver=find_approver(session, caller.principal))
        page = find_requests(session, wanted, limit, cursor)
    items = [answers.request_out(item, caller.principal) for item in page.items]
    return RequestPage(items=items, next_cursor=page.next_cursor)


@router.post(
    "/requests/{request_id}/cancel",
    summary="Cancel a request",
    responses=openapi.NO_REQUEST | openapi.NOT_CANCELLABLE,
)
@needs(Right.STEER)
def cancel_request(request_id: UUID, caller: TheCaller) -> RequestOut:
    """Cancels what is scheduled or pending, or ends a verification: what was applied stays applied."""
    return answers.request_out(cancel.cancel_request(request_id, caller), caller.principal)


@router.post(
    "/requests/{request_id}/retry",
    response_model=RequestOut,
    **openapi.retry(),
)
@needs(Right.STEER)
async def retry_request(request_id: UUID, request: Request, caller: TheCaller) -> Response:
    """A failed or cancelled request runs again, behind what was accepted meanwhile.

    One whose time (`not_before`) has not come is scheduled again.
    """
    backlog: Backlog = request.app.state.backlog
    retried = await run_in_threadpool(retry.retry_request, request_id, caller, backlog)
    backlog.add(retried.additions)
    content = _REQUEST.dump_json(answers.request_out(retried.state, caller.principal))
    headers = {"Location": f"/api/v1/dns/requests/{request_id}"}
    response = Response(content, 202, headers, "application/json")
    return await waiting.answer(request, response, waiting.asked_for(request, retried.state))


@router.post("/requests/cancel", summary="Cancel many requests", responses=openapi.BODY)
@needs(Right.STEER_MANY)
def cancel_requests(selection: CancelSelection, caller: TheCaller) -> ManyChanged:
    """Cancels up to 1,000 of those that match, oldest first. What a worker claims now is left to it."""
    filters = _filters(selection, selection.status)
    try:
        return answers.many_changed(cancel.cancel_many(filters, selection.cursor, caller))
    except InvalidFilter as error:
        raise _of_body(error) from error


@router.post("/requests/retry", status_code=202, summary="Retry many requests", responses=openapi.BODY)
@needs(Right.STEER_MANY)
def retry_requests(selection: RetrySelection, caller: TheCaller) -> ManyChanged:
    """Retries up to 1,000 of those that match, oldest first."""
    filters = _filters(selection, selection.status)
    try:
        return answers.many_changed(retry.retry_many(filters, selection.cursor, caller))
    except InvalidFilter as error:
        raise _of_body(error) from error


@router.get("/batches/{batch_id}", summary="Follow a batch", responses=openapi.NO_BATCH)
@needs(Right.READ)
def show_batch(batch_id: UUID, caller: TheCaller) -> BatchProgress:
    """How many of its requests have which status."""
    with reading() as session:
        return answers.batch_progress(get_batch(session, batch_id, caller.principal))


def _wants_stream(request: Request) -> bool:
    offered = ("application/json", event_streams.MEDIA_TYPE)
    return preferred(request.headers.getlist("accept"), offered) == event_streams.MEDIA_TYPE


def _read_events(request_id: UUID, caller: Caller, limit: int, cursor: str | None) -> bytes:
    with reading() as session:
        page = get_log(session, request_id, caller.principal, limit, cursor)
    return answers.event_page(page).model_dump_json().encode()


def _read_detail(request_id: UUID, caller: Caller) -> bytes:
    with reading() as session:
        return detail_as_json(session, request_id, caller.principal)


def _require_approvals_only(caller: Caller, status: Status | None) -> None:
    """Raise RightMissing, InvalidFilter unless the caller may approve, and asks for what waits for that."""
    if not caller.principal.has(Right.APPROVE):
        raise RightMissing(Right.APPROVE)
    if status not in (None, Status.AWAITING_APPROVAL):
        message = f"what is yours to approve is {Status.AWAITING_APPROVAL}, and not {status}"
        raise InvalidFilter("status", "status_contradicts", message)


def _filters(selection: Selection, status: Status | None) -> RequestFilter:
    """Return what is selected. Raises InvalidInput when nothing is: no call is about all requests."""
    given = selection.model_dump(exclude={"cursor"}, exclude_none=True)
    if not given:
        filters = ", ".join(name for name in type(selection).model_fields if name != "cursor")
        words = f"say which requests: give at least one of {filters}"
        raise InvalidInput([Reason((), "filter_missing", words)])
    return RequestFilter(**{**given, "status": status})


def _of_body(error: InvalidFilter) -> InvalidInput:
    """Return an error about a query parameter as one about a field of the body."""
    return InvalidInput(reason._replace(loc=reason.loc[1:]) for reason in error.reasons)

"""Requests: the list, and what is done with those that are selected there."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import Form, TheForm, read_shape
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import address, show
from app.core.database import reading
from app.domain.errors import Error, InvalidFilter, InvalidInput, Reason
from app.domain.lifecycle import Status
from app.domain.permissions import Caller, Principal, Right
from app.schemas.request import Approval, Rejection, Timestamp, Type
from app.services.access.reading import account_to_list
from app.services.paging import Page
from app.services.requests import cancel, retry
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers
from app.services.requests.lookup import RequestFilter, RequestState, find_requests
from app.services.review import decide
from app.services.review.approve import approve

router = APIRouter(route_class=PageRoute)

_PAGE = 50  # requests: of a page, and so of a selection
_FIELDS = frozenset(
    {"account_id", "domain", "value", "zone", "ticket", "id"}
)  # what is wrong stands beside them
_EMPTY: Page[RequestState] = Page([], None)

Act = Callable[[UUID], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of one request of a selection: what is wrong, or nothing."""

    request_id: UUID
    error: str | None


@router.get("/requests")
@needs(Right.READ)
def list_requests(
    request: Request,
    caller: TheCaller,
    id: FilterText = None,  # noqa: A002
    domain: FilterText = None,
    value: FilterText = None,
    account_id: FilterText = None,
    ticket: FilterText = None,
    zone: FilterText = None,
    status: Annotated[OneOf[Status], Query()] = None,
    record_type: Annotated[OneOf[Type], Query()] = None,
    code: FilterText = None,
    run_id: Annotated[OneOf[UUID], Query()] = None,
    batch_id: Annotated[OneOf[UUID], Query()] = None,
    since: Annotated[OneOf[Timestamp], Query()] = None,
    until: Annotated[OneOf[Timestamp], Query()] = None,
    open: Annotated[OneOf[bool], Query()] = None,  # noqa: A002
    cursor: Cursor = None,
) -> Response:
    """The requests that the filters leave, the newest first. An id leads to its request."""
    if id is not None and (found := _as_id(id)):
        return RedirectResponse(address(request, f"/requests/{found}"), 303)
    filters = RequestFilter(
        status=status,
        code=code,
        account_id=account_id,
        zone=zone,
        domain=domain,
        record_type=record_type,
        run_id=run_id,
        batch_id=batch_id,
        since=since,
        until=until,
        open=bool(open),
        ticket=ticket,
        value=value,
    )
    wrong = [Reason(("query", "id"), "uuid_parsing", "this is not the id of a request")] if id else []
    return _show_list(request, caller, filters, cursor, wrong)


@router.post("/requests/cancel")
@needs(Right.STEER)
async def cancel_selected(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Cancel the requests that are selected."""

    async def cancel_one(request_id: UUID) -> object:
        return await run_in_threadpool(cancel.cancel_request, request_id, caller)

    return await _do_each(request, form, "cancelled", cancel_one)


@router.post("/requests/retry")
@needs(Right.STEER)
async def retry_selected(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Retry the requests that are selected."""
    backlog: Backlog = request.app.state.backlog

    async def retry_one(request_id: UUID) -> object:
        retried = await run_in_threadpool(retry.retry_request, request_id, caller, backlog)
        backlog.add(retried.additions)
        return retried

    return await _do_each(request, form, "retried", retry_one)


@router.post("/requests/approve")
@needs(Right.APPROVE)
async def approve_selected(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Approve the requests that are selected, as the servers have them now."""
    workers: BodyWorkers = request.app.state.plan_workers
    said = read_shape(Approval, {"comment": form.text("comment")})

    async def approve_one(request_id: UUID) -> object:
        return await approve(request_id, caller, workers, None, said.comment)

    return await _do_each(request, form, "approved", approve_one)


@router.post("/requests/reject")
@needs(Right.APPROVE)
async def reject_selected(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Reject the requests that are selected."""
    said = read_shape(Rejection, {"comment": form.text("comment")})

    async def reject_one(request_id: UUID) -> object:
        return await run_in_threadpool(decide.reject, request_id, caller, said.comment)

    return await _do_each(request, form, "rejected", reject_one)


def accounts_to_choose(principal: Principal) -> Sequence[str]:
    """Return the accounts of which the reader has to choose one for a list; none, where he reads all."""
    return () if principal.has(Right.READ_ALL) else sorted(principal.accounts)


def _show_list(
    request: Request, caller: Caller, filters: RequestFilter, cursor: str | None, wrong: Sequence[Reason]
) -> Response:
    """Show the list, with what is wrong with a filter beside it."""
    accounts = accounts_to_choose(caller.principal)
    if filters.account_id is None and accounts:
        filters = replace(filters, account_id=accounts[0])
    page = _EMPTY
    try:
        account = account_to_list(caller.principal, filters.account_id)
        if not wrong:
            with reading() as session:
                page = find_requests(session, replace(filters, account_id=account), _PAGE, cursor)
    except InvalidFilter as error:
        wrong = error.reasons
    by_field = {str(each.loc[-1]): each for each in wrong}
    return show(
        request,
        "requests/list.html",
        422 if wrong else 200,
        filters=filters,
        page=page,
        accounts=accounts,
        wrong=by_field,
        elsewhere=[each for each in wrong if each.loc[-1] not in _FIELDS],
    )


async def _do_each(request: Request, form: Form, what: str, act: Act) -> Response:
    """Do it with each request of the selection, and say what has become of them."""
    fates = [await _try(act, each) for each in _selected(form)]
    return show(request, "requests/selection.html", what=what, fates=fates)


async def _try(act: Act, request_id: UUID) -> Fate:
    try:
        await act(request_id)
    except InvalidInput as error:
        return Fate(request_id, "; ".join(reason.message for reason in error.reasons))
    except Error as error:
        if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # a bug
            raise
        return Fate(request_id, str(error))
    return Fate(request_id, None)


def _selected(form: Form) -> Iterable[UUID]:
    """Return the ids that are ticked. Raises InvalidInput for none, too many, or what is no id."""
    ids = [_as_id(text) for text in dict.fromkeys(form.texts("selected"))]
    found = [each for each in ids if each is not None]
    if not found or len(found) < len(ids) or len(found) > _PAGE:
        words = f"select at least one request, and at most {_PAGE}"
        raise InvalidInput([Reason(("selected",), "selection_invalid", words)], "form")
    return found


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None

"""Decide about requests that wait for an approval."""

from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError

from app.api import answers, openapi, waiting
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute, decode_json, read_optional_json
from app.domain.errors import InvalidInput
from app.domain.permissions import Right
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.plans import ReviewDetail
from app.schemas.request import Approval, Rejection, StrictBody
from app.schemas.response import RequestOut
from app.services.requests.batch import BodyWorkers
from app.services.requests.validate import shape_reasons
from app.services.review import decide
from app.services.review.approve import approve as approve_as_it_is
from app.services.review.look import look_at

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_REQUEST = TypeAdapter(RequestOut)
Body = TypeVar("Body", bound=StrictBody)


@router.get("/requests/{request_id}/review", summary="Look at a review", responses=openapi.REVIEW)
@needs(Right.APPROVE)
async def show_review(request_id: UUID, request: Request, caller: TheCaller) -> ReviewDetail:
    """What the request, and those that are decided with it, would change. A worker asks the DNS servers."""
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        return answers.review_detail(await look_at(request_id, caller), caller.principal)


@router.post("/requests/{request_id}/approve", response_model=RequestOut, **openapi.approval())
@needs(Right.APPROVE)
async def approve(request_id: UUID, request: Request, caller: TheCaller) -> Response:
    """Approves it, with those that are decided with it: each is applied only if its RRset is as it is now.

    The DNS servers are asked what that is. With the `state` of a review that was looked at, it has to be the
    same still: otherwise `409 plan_stale`.
    """
    said = await _read(request, Approval)
    workers: BodyWorkers = request.app.state.plan_workers
    state = await approve_as_it_is(request_id, caller, workers, said.state, said.comment)
    content = _REQUEST.dump_json(answers.request_out(state, caller.principal))
    headers = {"Location": f"/api/v1/dns/requests/{request_id}"}
    response = Response(content, 202, headers, "application/json")
    return await waiting.answer(request, response, waiting.asked_for(request, state))


@router.post("/requests/{request_id}/reject", **openapi.rejection())
@needs(Right.APPROVE)
async def reject(request_id: UUID, request: Request, caller: TheCaller) -> RequestOut:
    """Rejects it for good, with those that are decided with it."""
    said = await _read(request, Rejection)
    state = await run_in_threadpool(decide.reject, request_id, caller, said.comment)
    return answers.request_out(state, caller.principal)


async def _read(request: Request, shape: type[Body]) -> Body:
    """Return the body; there need not be any. Raises InvalidInput."""
    raw = await read_optional_json(request)
    try:
        return shape() if raw is None else shape.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, shape))) from error

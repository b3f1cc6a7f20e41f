"""Take back what requests have done."""

from functools import reduce
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError

from app.api import answers, openapi, waiting
from app.api.auth import TheCaller, needs
from app.api.body import CallHeaders, JsonRoute, decode_json, read_headers, read_optional_json
from app.api.refusals import note_made_for_others
from app.domain.errors import InvalidInput
from app.domain.permissions import Right
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.request import Undo
from app.schemas.response import AcceptedUndo
from app.services.kicks import KickSender
from app.services.requests.backlog import Backlog
from app.services.requests.group_commit import additions, zones_to_kick
from app.services.requests.submission import Replayed
from app.services.requests.undo import UndoOrder, undo_request
from app.services.requests.validate import shape_reasons

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)


_UNDO = TypeAdapter(AcceptedUndo)


@router.post("/requests/{request_id}/undo", response_model=AcceptedUndo, **openapi.undo())
@needs(Right.SUBMIT)
async def undo(request_id: UUID, request: Request, caller: TheCaller) -> Response:
    """Submits a new request that restores what was there before a succeeded one.

    It is applied only if the RRset is still as the request has made it: otherwise `409 undo_conflict`, or the
    new request fails with that code. An undo can be undone.
    """
    headers, body = await _read(request)
    who = body.context
    order = UndoOrder(
        account_id=who.account_id,
        source=who.source,
        comment=body.comment,
        via=headers.via,
        idempotency_key=headers.idempotency_key,
        not_before=who.not_before,
        caller=caller,
        reason=who.reason,
        ticket=who.ticket,
    )
    backlog: Backlog = request.app.state.backlog
    kicks: KickSender = request.app.state.kicks
    result = await run_in_threadpool(undo_request, request_id, order, backlog)
    note_made_for_others(request, [result])
    backlog.add(additions([result]))
    kicks.add(zones_to_kick([result]))
    answer_headers = {"Location": f"/api/v1/dns/requests/{result.request.id}"}
    if isinstance(result, Replayed):
        answer_headers["Idempotent-Replayed"] = "true"
    content = _UNDO.dump_json(answers.accepted_undo(result.request, request_id))
    response = Response(content, 202, answer_headers, "application/json")
    return await waiting.answer(request, response, waiting.asked_for(request, result.request))


async def _read(request: Request) -> tuple[CallHeaders, Undo]:
    """Return the headers and the body. Raises InvalidInput with what is wrong with either."""
    raw = await read_optional_json(request)
    errors: list[InvalidInput] = []
    try:
        headers = read_headers(request)
    except InvalidInput as error:
        errors.append(error)
    try:
        body = Undo() if raw is None else Undo.model_validate(decode_json(raw))
    except ValidationError as error:
        errors.append(InvalidInput(at_most(MAX_REASONS, shape_reasons(error, Undo))))
    except InvalidInput as error:
        errors.append(error)
    if errors:
        raise reduce(InvalidInput.also, errors)
    return headers, body

"""Ask for DNS changes, one or many."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from app.api import answers, openapi, waiting
from app.api.auth import caller, needs
from app.api.body import MAX_BATCH_KEY, JsonRoute, decode_json, read_headers, read_json
from app.api.fast_routes import Call as FastCall
from app.api.refusals import note_made_for_others, note_refused_items
from app.api.submission import REPLAYED, submit_change
from app.domain.change import Action
from app.domain.errors import InvalidInput
from app.domain.permissions import Right
from app.schemas.response import AcceptedWithWarnings, BatchOut
from app.services.kicks import KickSender
from app.services.plan.from_records import plan_from_records
from app.services.requests.authorise import with_account
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers, Call, is_replay, submit_batch
from app.services.requests.draft import RawChange, Refused
from app.services.requests.group_commit import additions, zones_to_kick
from app.services.requests.submission import Submitted, not_allowed

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_Answer = AcceptedWithWarnings  # as it is documented; without warnings there is no such field
_BATCH = TypeAdapter(BatchOut)


@router.post("/create", response_model=_Answer, **openapi.submission("Add a value to an RRset"))
@needs(Right.SUBMIT)
async def create(request: Request) -> Response:
    """Adds the value, or values, to the RRset; a value that is there already is no error."""
    return await _submit(Action.CREATE, request)


@router.post("/update", response_model=_Answer, **openapi.submission("Replace an RRset"))
@needs(Right.SUBMIT)
async def update(request: Request) -> Response:
    """Replaces the RRset; fails when there is none."""
    return await _submit(Action.UPDATE, request)


@router.post("/upsert", response_model=_Answer, **openapi.submission("Replace or create an RRset"))
@needs(Right.SUBMIT)
async def upsert(request: Request) -> Response:
    """Replaces the RRset, or creates it."""
    return await _submit(Action.UPSERT, request)


@router.post("/delete", response_model=_Answer, **openapi.submission("Remove a value or an RRset"))
@needs(Right.SUBMIT)
async def delete(request: Request) -> Response:
    """Removes the value, or values; without a target the whole RRset."""
    return await _submit(Action.DELETE, request)


@router.post("/batch", response_model=BatchOut, **openapi.batch())
@needs(Right.SUBMIT)
async def batch(request: Request) -> Response:
    """Submits up to 10,000 changes, each judged by itself: an invalid one does not affect the others.

    With `"atomic": true` it is all or nothing, also on the server: the changes are in one zone, go in one
    update message, and if one fails the others fail with `atomic_failed`. To cancel or retry one of them does
    so with all. One bad item, and nothing is stored. The answer then names
    every reason, with the item's index in `loc`.

    `GET /dns/batches/{batch_id}` says how far it has come.
    """
    response, wait = await _submit_batch(request)
    return await waiting.answer_batch(request, response, wait)


# The calls that come by the thousand; see fast_routes.
FAST: dict[str, FastCall] = {
    "/dns/create": create,
    "/dns/update": update,
    "/dns/upsert": upsert,
    "/dns/delete": delete,
    "/dns/batch": batch,
}


async def _submit(action: Action, request: Request) -> Response:
    response, wait = await _store(action, request)
    return response if wait is None else await waiting.answer(request, response, wait)


async def _store(action: Action, request: Request) -> tuple[Response, waiting.Wait | None]:
    try:
        headers = read_headers(request)
    except InvalidInput as error:
        raise await _with_reasons_of_body(error, action, request) from None
    raw = await read_json(request)
    who = caller(request)
    body = with_account(decode_json(raw), who)
    change = RawChange(action, body, headers.idempotency_key, via=headers.via)
    return await submit_change(request, change, len(raw))


async def _submit_batch(request: Request) -> tuple[Response, waiting.Wait | None]:
    headers = read_headers(request, MAX_BATCH_KEY)
    raw = await read_json(request)
    state = request.app.state
    workers: BodyWorkers = state.batch_workers
    backlog: Backlog = state.backlog
    with workers.slot(len(raw), caller(request)):
        call = Call(headers.via, headers.idempotency_key, caller(request))
        submitted, response = await workers.run(partial(_answer_batch, raw, call, backlog))
    note_refused_items(request, not_allowed(submitted))
    note_made_for_others(request, submitted)
    backlog.add(additions(submitted))
    kicks: KickSender = state.kicks
    kicks.add(zones_to_kick(submitted))
    return response, waiting.asked_for_batch(request, submitted)


async def _with_reasons_of_body(error: InvalidInput, action: Action, request: Request) -> InvalidInput:
    """Return an error about a header with all that is wrong with the body too; nothing is stored."""
    raw = await read_json(request)
    try:
        change = RawChange(action, with_account(decode_json(raw), caller(request)))
    except InvalidInput as json_error:
        return error.also(json_error)
    [planned] = await run_in_threadpool(plan_from_records, [change], caller(request))
    return error.also(InvalidInput(planned.reasons)) if isinstance(planned, Refused) else error


def _answer_batch(raw: bytes, call: Call, backlog: Backlog) -> tuple[Sequence[Submitted], Response]:
    """Submit a batch, and serialize the answer, which takes as long as storing. Raises InvalidInput."""
    submitted = submit_batch(decode_json(raw), call, backlog)
    content = _BATCH.dump_json(answers.batch_out(submitted), exclude_none=True)
    headers = REPLAYED if call.idempotency_key is not None and is_replay(submitted) else None
    return submitted, Response(content, 207, headers, "application/json")

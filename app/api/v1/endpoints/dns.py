"""Ask for DNS changes: one, many, or only for what they would do."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from app.api import answers, openapi
from app.api.body import JsonRoute, decode_json, read_idempotency_key, read_json, read_via
from app.api.fast_routes import Call
from app.domain.change import Action, Via
from app.domain.errors import InvalidInput
from app.schemas.request import Plan
from app.schemas.response import Accepted, BatchOut, PlanOut
from app.services.plan.from_records import plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.requests import submit
from app.services.requests.batch import BatchWorkers, batch_id_of, read_items, submit_batch
from app.services.requests.group_commit import GroupCommit
from app.services.requests.validate import RawChange, Refused

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_ACCEPTED = TypeAdapter(Accepted)
_BATCH = TypeAdapter(BatchOut)
_LARGE = 8 * 1024  # bytes: a larger body is validated in a thread, to keep the event loop free


@router.post("/create", response_model=Accepted, **openapi.submission("Add a value to an RRset"))
async def create(request: Request) -> Response:
    """Adds the value, or values, to the RRset; a value that is there already is no error."""
    return await _submit(Action.CREATE, request)


@router.post("/update", response_model=Accepted, **openapi.submission("Replace an RRset"))
async def update(request: Request) -> Response:
    """Replaces the RRset; fails when there is none."""
    return await _submit(Action.UPDATE, request)


@router.post("/upsert", response_model=Accepted, **openapi.submission("Replace or create an RRset"))
async def upsert(request: Request) -> Response:
    """Replaces the RRset, or creates it."""
    return await _submit(Action.UPSERT, request)


@router.post("/delete", response_model=Accepted, **openapi.submission("Remove a value or an RRset"))
async def delete(request: Request) -> Response:
    """Removes the value, or values; without a target the whole RRset."""
    return await _submit(Action.DELETE, request)


@router.post("/batch", response_model=BatchOut, **openapi.batch())
async def batch(request: Request) -> Response:
    """Submits up to 10,000 changes, each judged by itself: an invalid one does not affect the others.

    With `"atomic": true` it is all or nothing: one bad item, and nothing is stored. The answer then names
    every reason, with the item's index in `loc`.

    `GET /dns/batches/{batch_id}` says how far it has come.
    """
    workers: BatchWorkers = request.app.state.batch_workers
    via = read_via(request)
    with workers.reserve_slot():
        raw = await read_json(request)
        return await workers.run(partial(_answer_batch, raw, via))


# The calls that come by the thousand; see fast_routes.
FAST: dict[str, Call] = {
    "/dns/create": create,
    "/dns/update": update,
    "/dns/upsert": upsert,
    "/dns/delete": delete,
    "/dns/batch": batch,
}


@router.post("/plan", status_code=207, response_model_exclude_unset=True, **openapi.plan())
async def plan(body: Plan) -> PlanOut:
    """Validates and shows what would change, and stores nothing.

    The current state is taken from the stored records. With `ask_servers` a worker runs the playbook in
    Ansible's check mode, which asks the DNS servers. Open requests are not taken into account.
    """
    planned = await run_in_threadpool(plan_from_records, read_items(body.requests))
    if body.ask_servers:
        planned = await plan_from_servers(planned)
    return PlanOut(results=[answers.plan_result(index, item) for index, item in enumerate(planned)])


async def _submit(action: Action, request: Request) -> Response:
    try:
        key, via = read_idempotency_key(request), read_via(request)
    except InvalidInput as error:
        raise await _with_reasons_of_body(error, action, request) from None
    raw = await read_json(request)
    group_commit: GroupCommit = request.app.state.group_commit
    change = RawChange(action, decode_json(raw), key, via=via)
    result = await group_commit.submit(change, large=len(raw) > _LARGE)
    match result:
        case submit.Accepted(accepted) | submit.Replayed(accepted):
            headers = {"Location": f"/api/v1/dns/requests/{accepted.id}"}
            if isinstance(result, submit.Replayed):
                headers["Idempotent-Replayed"] = "true"
            content = _ACCEPTED.dump_json(answers.accepted(accepted))
            return Response(content, 202, headers, "application/json")
        case Refused(reasons):
            raise InvalidInput(reasons)
        case submit.KeyReused(cause) | submit.Undecided(cause):
            raise cause


async def _with_reasons_of_body(error: InvalidInput, action: Action, request: Request) -> InvalidInput:
    """Return an error about a header with all that is wrong with the body too; nothing is stored."""
    raw = await read_json(request)
    try:
        change = RawChange(action, decode_json(raw))
    except InvalidInput as json_error:
        return error.also(json_error)
    [planned] = await run_in_threadpool(plan_from_records, [change])
    return error.also(InvalidInput(planned.reasons)) if isinstance(planned, Refused) else error


def _answer_batch(raw: bytes, via: Via) -> tuple[Sequence[submit.Submitted], Response]:
    """Submit a batch, and serialize the answer, which takes as long as storing. Raises InvalidInput."""
    submitted = submit_batch(decode_json(raw), via)
    results = [answers.batch_result(index, result) for index, result in enumerate(submitted)]
    content = _BATCH.dump_json(BatchOut(results, batch_id_of(submitted)), exclude_none=True)
    return submitted, Response(content, 207, media_type="application/json")

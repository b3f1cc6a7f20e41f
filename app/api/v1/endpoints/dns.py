"""Ask for DNS changes: one, many, or only for what they would do."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter, ValidationError

from app.api import answers, openapi
from app.api.body import MAX_BATCH_KEY, JsonRoute, decode_json, read_headers, read_json
from app.api.fast_routes import Call as FastCall
from app.domain.change import Action
from app.domain.errors import InvalidInput, Reason
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.request import Plan
from app.schemas.response import Accepted, AcceptedWithWarnings, BatchOut, PlanOut
from app.services.kicks import KickSender
from app.services.plan.from_records import Planned, plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.requests import submit
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers, Call, read_items, submit_batch
from app.services.requests.group_commit import GroupCommit, additions, zones_to_kick
from app.services.requests.validate import RawChange, Refused, shape_reasons

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_ACCEPTED = TypeAdapter(Accepted)
_WITH_WARNINGS = TypeAdapter(AcceptedWithWarnings)
_Answer = AcceptedWithWarnings  # as it is documented; without warnings there is no such field
_BATCH = TypeAdapter(BatchOut)
_REPLAYED = {"Idempotent-Replayed": "true"}
MAX_PLANNED_ZONES = 100  # whose servers one plan asks: each is a run


@router.post("/create", response_model=_Answer, **openapi.submission("Add a value to an RRset"))
async def create(request: Request) -> Response:
    """Adds the value, or values, to the RRset; a value that is there already is no error."""
    return await _submit(Action.CREATE, request)


@router.post("/update", response_model=_Answer, **openapi.submission("Replace an RRset"))
async def update(request: Request) -> Response:
    """Replaces the RRset; fails when there is none."""
    return await _submit(Action.UPDATE, request)


@router.post("/upsert", response_model=_Answer, **openapi.submission("Replace or create an RRset"))
async def upsert(request: Request) -> Response:
    """Replaces the RRset, or creates it."""
    return await _submit(Action.UPSERT, request)


@router.post("/delete", response_model=_Answer, **openapi.submission("Remove a value or an RRset"))
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
    headers = read_headers(request, MAX_BATCH_KEY)
    raw = await read_json(request)
    state = request.app.state
    workers: BodyWorkers = state.batch_workers
    backlog: Backlog = state.backlog
    with workers.slot(len(raw)):
        call = Call(headers.via, headers.idempotency_key)
        submitted, response = await workers.run(partial(_answer_batch, raw, call, backlog))
    backlog.add(additions(submitted))
    kicks: KickSender = state.kicks
    kicks.add(zones_to_kick(submitted))
    return response


# The calls that come by the thousand; see fast_routes.
FAST: dict[str, FastCall] = {
    "/dns/create": create,
    "/dns/update": update,
    "/dns/upsert": upsert,
    "/dns/delete": delete,
    "/dns/batch": batch,
}


@router.post("/plan", response_model=PlanOut, status_code=207, **openapi.plan())
async def plan(request: Request) -> Response:
    """Validates and shows what would change, and stores nothing.

    The current state is taken from the stored records. With `ask_servers` a worker runs the playbook in
    Ansible's check mode, which asks the DNS servers; the changes may lie in up to 100 zones then. Open
    requests are not taken into account.
    """
    raw = await read_json(request)
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(len(raw)):
        planned, ask_servers = await workers.run(partial(_plan, raw))
        if ask_servers:
            planned = await plan_from_servers(planned)
        return await workers.run(partial(_answer_plan, planned))


async def _submit(action: Action, request: Request) -> Response:
    try:
        headers = read_headers(request)
    except InvalidInput as error:
        raise await _with_reasons_of_body(error, action, request) from None
    raw = await read_json(request)
    group_commit: GroupCommit = request.app.state.group_commit
    change = RawChange(action, decode_json(raw), headers.idempotency_key, via=headers.via)
    result = await group_commit.submit(change, len(raw))
    match result:
        case submit.Accepted(accepted) | submit.Replayed(accepted):
            answer_headers = {"Location": f"/api/v1/dns/requests/{accepted.id}"}
            if isinstance(result, submit.Replayed):
                answer_headers |= _REPLAYED
            if isinstance(result, submit.Accepted) and result.warnings:
                answer = answers.accepted_with_warnings(accepted, result.warnings)
                content = _WITH_WARNINGS.dump_json(answer)
            else:
                content = _ACCEPTED.dump_json(answers.accepted(accepted))
            return Response(content, 202, answer_headers, "application/json")
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


def _answer_batch(raw: bytes, call: Call, backlog: Backlog) -> tuple[Sequence[submit.Submitted], Response]:
    """Submit a batch, and serialize the answer, which takes as long as storing. Raises InvalidInput."""
    submitted = submit_batch(decode_json(raw), call, backlog)
    content = _BATCH.dump_json(answers.batch_out(submitted), exclude_none=True)
    headers = _REPLAYED if call.idempotency_key is not None and _is_replay(submitted) else None
    return submitted, Response(content, 207, headers, "application/json")


def _is_replay(submitted: Sequence[submit.Submitted]) -> bool:
    """Return whether the batch was submitted before, and nothing of it is new."""
    kinds = {type(result) for result in submitted}
    return submit.Replayed in kinds and submit.Accepted not in kinds


def _plan(raw: bytes) -> tuple[list[Planned | Refused], bool]:
    """Plan a body by the records; return also whether to ask the servers. Raises InvalidInput."""
    try:
        body = Plan.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, Plan))) from error
    items = read_items(body.requests)
    planned = plan_from_records(items, allow_mass_change=body.allow_mass_change)
    zones = {item.effect.change.zone for item in planned if isinstance(item, Planned)}
    if body.ask_servers and len(zones) > MAX_PLANNED_ZONES:
        message = f"{len(zones)} zones, the servers of {MAX_PLANNED_ZONES} can be asked in one call"
        raise InvalidInput([Reason(("requests",), "too_many_zones", message)])
    return planned, body.ask_servers


def _answer_plan(planned: Sequence[Planned | Refused]) -> Response:
    content = answers.plan_out(planned).model_dump_json(exclude_unset=True)
    return Response(content, 207, media_type="application/json")

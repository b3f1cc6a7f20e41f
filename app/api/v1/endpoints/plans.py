"""Ask what changes would do, and apply exactly that."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from app.api import answers, openapi, waiting
from app.api.auth import TheCaller, caller, needs
from app.api.body import JsonRoute, decode_json, read_json, read_optional_json
from app.api.plan_texts import plan_response
from app.api.refusals import note_made_for_others, note_refused_items
from app.domain.errors import InvalidInput
from app.domain.permissions import Caller, Right
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.plans import PlanOut, RollbackOut
from app.schemas.request import Plan as PlanBody
from app.schemas.request import PlanApplication
from app.schemas.response import BatchOut
from app.services.kicks import KickSender
from app.services.plan.keep import KeptPlan, Plan, get_plan, keep
from app.services.plan.make import How, apply_kept, ask_servers_of, plan_by_records
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers, Call, is_replay
from app.services.requests.group_commit import additions, zones_to_kick
from app.services.requests.submission import not_allowed
from app.services.requests.validate import shape_reasons

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_BATCH = TypeAdapter(BatchOut)
_REPLAYED = {"Idempotent-Replayed": "true"}


@router.post("/plan", response_model=PlanOut, status_code=207, **openapi.plan())
@needs(Right.SUBMIT)
async def plan(request: Request) -> Response:
    """Validates, shows what would change, and changes nothing. The plan is kept for an hour.

    The current state is taken from the stored records. With `ask_servers` a worker runs the playbook in
    Ansible's check mode, which asks the DNS servers; the changes may lie in up to 100 zones then. Open
    requests are not taken into account.
    """
    raw = await read_json(request)
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(len(raw), caller(request)):
        planned = await workers.run(partial(_plan, raw, caller(request)))
        note_refused_items(request, not_allowed(planned.planned))
        planned = await ask_servers_of(planned)
        return await workers.run(partial(_keep_and_answer, planned, request))


@router.get("/plans/{plan_id}", response_model=RollbackOut | PlanOut, **openapi.kept_plan())
@needs(Right.SUBMIT)
async def show_plan(plan_id: UUID, request: Request, who: TheCaller) -> Response:
    """The plan as it was answered, and the batch that it has become if it was applied."""
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, who):
        return await workers.run(lambda: _answer(get_plan(plan_id, who), request, 200, who))


@router.post("/plans/{plan_id}/apply", response_model=BatchOut, **openapi.application())
@needs(Right.SUBMIT)
async def apply(plan_id: UUID, request: Request, who: TheCaller) -> Response:
    """Submits all that the plan shows, or nothing; each change with the RRset before it as a condition.

    When an RRset has changed since, it is `409 plan_stale`, and nothing is stored. What changes later makes
    its request fail with `state_changed`. A plan is applied once: the same call gets the same requests.
    """
    response, wait = await _apply(plan_id, request, who)
    return await waiting.answer_batch(request, response, wait)


def _plan(raw: bytes, who: Caller) -> Plan:
    """Plan a body by the records. Raises InvalidInput."""
    try:
        body = PlanBody.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, PlanBody))) from error
    how = How(body.atomic, body.allow_mass_change, body.ask_servers)
    return plan_by_records(body.requests, Call(caller=who), how)


def _keep_and_answer(planned: Plan, request: Request) -> Response:
    return _answer(keep(planned), request, 207, caller(request))


def _answer(kept: KeptPlan, request: Request, status: int, who: Caller) -> Response:
    return plan_response(answers.plan_out(kept, who.principal), request, status)


async def _read_application(request: Request) -> PlanApplication:
    """Return the body; there need not be any. Raises InvalidInput, HTTPException."""
    raw = await read_optional_json(request)
    if raw is None:
        return PlanApplication()
    try:
        return PlanApplication.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, PlanApplication))) from error


async def _apply(plan_id: UUID, request: Request, who: Caller) -> tuple[Response, waiting.Wait | None]:
    how = await _read_application(request)
    workers: BodyWorkers = request.app.state.plan_workers
    backlog: Backlog = request.app.state.backlog
    allowed = how.allow_mass_change
    with workers.slot(0, who):
        submitted = await apply_kept(plan_id, who, workers, backlog, allow_mass_change=allowed)
        content = await workers.run(lambda: _BATCH.dump_json(answers.batch_out(submitted), exclude_none=True))
    note_made_for_others(request, submitted)
    backlog.add(additions(submitted))
    kicks: KickSender = request.app.state.kicks
    kicks.add(zones_to_kick(submitted))
    headers = _REPLAYED if is_replay(submitted) else None
    response = Response(content, 207, headers, "application/json")
    return response, waiting.asked_for_batch(request, submitted)

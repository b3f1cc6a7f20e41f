"""Ask what changes would do, and apply exactly that."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from app.api import answers, openapi
from app.api.auth import TheCaller, caller, needs
from app.api.body import JsonRoute, decode_json, read_json, read_optional_json
from app.api.plan_texts import plan_response
from app.api.refusals import note_made_for_others, note_refused_items
from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Caller, Right
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.plans import PlanOut, RollbackOut
from app.schemas.request import Plan as PlanBody
from app.schemas.request import PlanApplication
from app.schemas.response import BatchOut
from app.services.kicks import KickSender
from app.services.plan.apply import require_applicable, require_fresh, submit_plan
from app.services.plan.from_records import Planned, plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.plan.keep import KeptPlan, Plan, get_plan, keep
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers, Call, is_replay, read_items
from app.services.requests.group_commit import additions, zones_to_kick
from app.services.requests.submit import Submitted, not_allowed
from app.services.requests.validate import shape_reasons

router = APIRouter(prefix="/dns", tags=["dns"], route_class=JsonRoute)

_BATCH = TypeAdapter(BatchOut)
_REPLAYED = {"Idempotent-Replayed": "true"}
MAX_PLANNED_ZONES = 100  # whose servers one plan asks: each is a run


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
        if planned.ask_servers:
            planned = replace(planned, planned=await plan_from_servers(planned.planned))
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
    how = await _read_application(request)
    workers: BodyWorkers = request.app.state.plan_workers
    backlog: Backlog = request.app.state.backlog
    with workers.slot(0, who):
        kept = await workers.run(partial(_get_applicable, plan_id, who))
        if kept.batch_id is None:
            await require_fresh(plan_id, kept.plan, who)
        submitted, response = await workers.run(partial(_submit, plan_id, kept.plan, backlog, how, who))
    note_made_for_others(request, submitted)
    backlog.add(additions(submitted))
    kicks: KickSender = request.app.state.kicks
    kicks.add(zones_to_kick(submitted))
    return response


def _plan(raw: bytes, who: Caller) -> Plan:
    """Plan a body by the records. Raises InvalidInput."""
    try:
        body = PlanBody.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, PlanBody))) from error
    items = read_items(body.requests, Call(caller=who))
    planned = plan_from_records(items, who, allow_mass_change=body.allow_mass_change)
    zones = {item.effect.change.zone for item in planned if isinstance(item, Planned)}
    if body.ask_servers and len(zones) > MAX_PLANNED_ZONES:
        message = f"{len(zones)} zones, the servers of {MAX_PLANNED_ZONES} can be asked in one call"
        raise InvalidInput([Reason(("requests",), "too_many_zones", message)])
    return Plan(items, planned, body.atomic, body.allow_mass_change, body.ask_servers)


def _keep_and_answer(planned: Plan, request: Request) -> Response:
    return _answer(keep(planned), request, 207, caller(request))


def _answer(kept: KeptPlan, request: Request, status: int, who: Caller) -> Response:
    return plan_response(answers.plan_out(kept, who.principal), request, status)


def _get_applicable(plan_id: UUID, who: Caller) -> KeptPlan:
    kept = get_plan(plan_id, who)
    require_applicable(kept.plan)
    return kept


async def _read_application(request: Request) -> PlanApplication:
    """Return the body; there need not be any. Raises InvalidInput, HTTPException."""
    raw = await read_optional_json(request)
    if raw is None:
        return PlanApplication()
    try:
        return PlanApplication.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, PlanApplication))) from error


def _submit(
    plan_id: UUID, planned: Plan, backlog: Backlog, how: PlanApplication, who: Caller
) -> tuple[Sequence[Submitted], Response]:
    submitted = submit_plan(plan_id, planned, backlog, who, allow_mass_change=how.allow_mass_change)
    content = _BATCH.dump_json(answers.batch_out(submitted), exclude_none=True)
    headers = _REPLAYED if is_replay(submitted) else None
    return submitted, Response(content, 207, headers, "application/json")

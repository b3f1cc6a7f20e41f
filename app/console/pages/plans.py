"""Plans: what they would do, their submission, and the same planned again."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import TheForm, done
from app.console.rendering import address, show
from app.console.submitting import follow_up
from app.domain.change_row import not_held
from app.domain.effects import UNKNOWN
from app.domain.errors import BatchRefused, MassChange, PlanStale, Reason
from app.domain.permissions import Caller, Right
from app.services.plan.from_records import Planned
from app.services.plan.keep import KeptPlan, get_plan, keep
from app.services.plan.make import apply_kept, ask_servers_of, plan_again
from app.services.plan.told import as_told
from app.services.requests.batch import BodyWorkers, batch_id_of
from app.services.requests.draft import Refused

router = APIRouter(prefix="/change/plans", route_class=PageRoute)

_SHOWN = 500  # changes of a plan


@router.get("/{plan_id}")
@needs(Right.SUBMIT)
def show_kept(request: Request, caller: TheCaller, plan_id: UUID) -> Response:
    """What a plan would do."""
    return show_plan(request, caller, get_plan(plan_id, caller))


@router.post("/{plan_id}/apply")
@needs(Right.SUBMIT)
async def apply(request: Request, caller: TheCaller, plan_id: UUID, form: TheForm) -> Response:
    """Submit exactly what a plan shows, and lead to its requests."""
    state = request.app.state
    workers: BodyWorkers = state.plan_workers
    mass = form.text("allow_mass_change") is not None
    with workers.slot(0, caller):
        try:
            submitted = await apply_kept(plan_id, caller, workers, state.backlog, allow_mass_change=mass)
        except (PlanStale, BatchRefused, MassChange) as error:
            kept = await workers.run(partial(get_plan, plan_id, caller))
            if isinstance(error, PlanStale):
                return show(request, "change/stale.html", error.status, kept=kept, moved=error.moved[:_SHOWN])
            return await workers.run(partial(show_plan, request, caller, kept, error.status, error.reasons))
        kept = await workers.run(partial(get_plan, plan_id, caller))
    follow_up(request, caller, submitted)
    return done(
        request,
        "/requests",
        "submitted",
        batch_id=batch_id_of(submitted),
        account_id=_account_of(kept, caller),
    )


@router.post("/{plan_id}/again")
@needs(Right.SUBMIT)
async def again(request: Request, caller: TheCaller, plan_id: UUID, form: TheForm) -> Response:
    """Plan the same changes on what there is now; what can't be made any more leads to the grid."""
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        kept = await workers.run(partial(get_plan, plan_id, caller))
        ask = kept.plan.ask_servers or form.text("ask_servers") is not None
        plan = await workers.run(partial(plan_again, kept.plan, caller, ask_servers=ask))
        if not plan.planned or any(isinstance(item, Refused) for item in plan.planned):
            return RedirectResponse(address(request, "/change", plan=plan_id), 303)
        return await lead_to(request, caller, await workers.run(partial(keep, await ask_servers_of(plan))))


async def lead_to(request: Request, caller: Caller, kept: KeptPlan) -> Response:
    """Lead to a plan; show it at once where there was no room to keep it."""
    if kept.id is not None:
        return RedirectResponse(address(request, f"/change/plans/{kept.id}"), 303)
    workers: BodyWorkers = request.app.state.plan_workers
    return await workers.run(partial(show_plan, request, caller, kept))


def show_plan(
    request: Request, caller: Caller, kept: KeptPlan, status: int = 200, problems: Sequence[Reason] = ()
) -> Response:
    """Show a plan as the reader may be told of it, and what keeps it from being submitted."""
    planned = kept.plan.planned
    outcomes = [item.effect.planned.outcome for item in planned if isinstance(item, Planned)]
    return show(
        request,
        "change/plan.html",
        status,
        kept=kept,
        items=[
            as_told(item, caller.principal) if isinstance(item, Planned) else item
            for item in planned[:_SHOWN]
        ],
        problems=problems,
        outcomes={each: outcomes.count(each) for each in dict.fromkeys(outcomes)},
        reviewed=sum(1 for item in planned if isinstance(item, Planned) and item.review),
        refused=len(planned) - len(outcomes),
        unknown=outcomes.count(UNKNOWN),
        editable=not any(not_held(item.body) for item in kept.plan.items),
    )


def _account_of(kept: KeptPlan, caller: Caller) -> str | None:
    """Return the account whose requests the reader is led to; None where he need not choose one."""
    if caller.unrestricted or caller.principal.has(Right.READ_ALL):
        return None
    body = kept.plan.items[0].body if kept.plan.items else None
    context = body.get("context") if isinstance(body, dict) else None
    account = context.get("account_id") if isinstance(context, dict) else None
    return account if isinstance(account, str) else None

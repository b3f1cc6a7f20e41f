"""Take back what was done to a zone since a time."""

from functools import partial

from fastapi import APIRouter, Request, Response

from app.api import answers, openapi
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute
from app.api.plan_texts import plan_response
from app.domain.permissions import Right
from app.schemas.plans import RollbackOut
from app.schemas.request import Rollback as RollbackBody
from app.services.plan.rollback import Rollback, RollbackOrder, ask_servers, keep_rollback, plan_rollback
from app.services.requests.batch import BodyWorkers

router = APIRouter(prefix="/zones", tags=["zones"], route_class=JsonRoute)


@router.post(
    "/{zone:path}/rollback",
    response_model=RollbackOut,
    summary="Plan a rollback",
    responses=openapi.ROLLBACK,
)
@needs(Right.ROLL_BACK)
async def roll_back(zone: str, body: RollbackBody, request: Request, caller: TheCaller) -> Response:
    """Plans what takes back all that requests have done in the zone after that time, and changes nothing.

    The plan is kept for an hour; `POST /dns/plans/{plan_id}/apply` applies it. What it can't take back stays
    as it is, and is named.
    """
    who = body.context
    order = RollbackOrder(
        to=body.to,
        account_id=who.account_id or caller.principal.only_account,
        source=who.source,
        comment=body.comment,
        by_servers=body.ask_servers,
        caller=caller,
        not_before=who.not_before,
        reason=who.reason,
        ticket=who.ticket,
    )
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        found = await workers.run(partial(plan_rollback, zone, order))
        if body.ask_servers:
            found = await ask_servers(found)
        return await workers.run(
            partial(_keep_and_answer, found, request, caller, servers_asked=body.ask_servers)
        )


def _keep_and_answer(
    found: Rollback, request: Request, caller: TheCaller, *, servers_asked: bool
) -> Response:
    """Keep the plan, unless there is nothing to apply; return it in the form that the client prefers."""
    kept = keep_rollback(found, servers_asked=servers_asked)
    return plan_response(answers.plan_out(kept, caller.principal), request, 200)

"""Zones: take back all that was done since a time."""

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter, Request, Response

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import Form, TheForm, read_shape
from app.console.pages.plans import show_plan
from app.console.query import FilterText
from app.console.rendering import show
from app.core.database import reading
from app.domain.errors import InvalidInput
from app.domain.permissions import Caller, Right
from app.schemas.request import Rollback
from app.services.plan.rollback import RollbackOrder, ask_servers, keep_rollback, plan_rollback
from app.services.requests.batch import BodyWorkers
from app.services.zones import registry

router = APIRouter(prefix="/zones", route_class=PageRoute)


@router.get("/{name:path}/rollback")
@needs(Right.ROLL_BACK)
def show_form(request: Request, name: str, to: FilterText = None) -> Response:
    """The form for the time to go back to."""
    return _show_form(request, name, {"to": to or ""})


@router.post("/{name:path}/rollback")
@needs(Right.ROLL_BACK)
async def plan(request: Request, caller: TheCaller, form: TheForm, name: str) -> Response:
    """The plan that takes everything back; to apply it is another step."""
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        try:
            order = _read(form, caller)
            found = await workers.run(partial(plan_rollback, name, order))
        except InvalidInput as error:
            return await workers.run(partial(_show_form, request, name, form.shown(), error))
        if order.by_servers:
            found = await ask_servers(found)
        kept = await workers.run(partial(keep_rollback, found, servers_asked=order.by_servers))
        return await workers.run(partial(show_plan, request, caller, kept))


def _read(form: Form, caller: Caller) -> RollbackOrder:
    """Return what is asked for. Raises InvalidInput."""
    to = form.text("to") or ""
    context = {"account_id": form.text("account_id"), "reason": form.text("reason")}
    asked = {"to": to if to.endswith("Z") or "+" in to else f"{to}Z", "context": context}
    body = read_shape(Rollback, {**asked, "ask_servers": form.text("ask_servers") is not None})
    return RollbackOrder(
        to=body.to,
        account_id=body.context.account_id or caller.principal.only_account,
        source="console",
        by_servers=body.ask_servers,
        caller=caller,
        reason=body.context.reason,
    )


def _show_form(
    request: Request, name: str, values: Mapping[str, str], error: InvalidInput | None = None
) -> Response:
    with reading() as session:
        zone = registry.get_zone(session, name)
    reasons = error.reasons if error else ()
    status = 422 if error else 200
    return show(request, "zones/rollback.html", status, zone=zone, values=values, reasons=reasons)

"""New change: a grid of changes, what they would do, and their submission."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import TheForm, TheFormWithFile
from app.console.grid import CONTEXT, Order, Seen, read_order, see
from app.console.query import OneOf
from app.console.rendering import address, show
from app.console.submitting import follow_up
from app.console.type_hints import HINTS
from app.core.database import reading
from app.domain.change_files import read_changes_file
from app.domain.change_row import ChangeRow, row_of_item
from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Caller, Right
from app.services.plan.keep import KeptPlan, get_plan, keep
from app.services.plan.make import apply_kept, ask_servers_of
from app.services.requests.batch import BodyWorkers, batch_id_of
from app.services.requests.lookup import get_request
from app.services.zones.registry import list_zones

router = APIRouter(prefix="/change", route_class=PageRoute)

_BLANK = (ChangeRow(),) * 3
_MAX_FILE = 1_000_000  # bytes
_MAX_ZONES = 1_000  # that are offered


@router.get("")
@needs(Right.SUBMIT)
def new_change(
    request: Request,
    caller: TheCaller,
    repeated: Annotated[OneOf[UUID], Query(alias="from")] = None,
    plan: Annotated[OneOf[UUID], Query()] = None,
) -> Response:
    """The grid: empty, or with the change of a request, or those of a plan."""
    if plan is not None:
        return _grid(request, caller, _order_of_plan(get_plan(plan, caller)))
    if repeated is not None:
        with reading() as session:
            found = get_request(session, repeated, caller.principal).request
        row = row_of_item({"resource": found.resource}, found.action)
        return _grid(request, caller, Order([row], {"account": found.account_id}))
    return _grid(request, caller, Order(_BLANK, {}))


@router.post("/check")
@needs(Right.SUBMIT)
async def check(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """What is wrong with the rows, for the script of the grid: a list for each row, of cells and words."""
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        seen = await workers.run(partial(see, read_order(form), caller))
    found = [
        [{"cell": each.cell, "message": each.message, "code": each.code} for each in row]
        for row in seen.wrong
    ]
    return JSONResponse({"rows": found, "form": [each.message for each in seen.of_form]})


@router.post("/import")
@needs(Right.SUBMIT)
async def import_rows(request: Request, caller: TheCaller, form: TheFormWithFile) -> Response:
    """The grid with the changes of a file, or of a text that was pasted."""
    file = form.file("file")
    raw = await file.read(_MAX_FILE + 1) if file else (form.text("text") or "").encode()
    order = read_order(form)
    try:
        rows = await run_in_threadpool(_read_file, raw, form.text("zone"))
    except InvalidInput as error:
        return _grid(request, caller, order, status=422, of_file=error.reasons)
    kept = [row for row in order.rows if not row.is_blank]
    return _grid(request, caller, Order([*kept, *rows], order.fields))


@router.post("")
@needs(Right.SUBMIT)
async def plan(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Plan the changes of the grid, and lead to the plan; to the grid again where something is wrong."""
    order = read_order(form)
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(0, caller):
        seen = await workers.run(partial(see, order, caller))
        if seen.plan is None or seen.is_wrong:
            return _grid(request, caller, order, seen, status=422)
        kept = await workers.run(partial(keep, await ask_servers_of(seen.plan)))
    return RedirectResponse(address(request, f"/change/plans/{kept.id}"), 303)


@router.get("/plans/{plan_id}")
@needs(Right.SUBMIT)
def show_plan(request: Request, caller: TheCaller, plan_id: UUID) -> Response:
    """What a plan would do."""
    kept = get_plan(plan_id, caller)
    return show(request, "change/plan.html", kept=kept, reader=caller.principal)


@router.post("/plans/{plan_id}/apply")
@needs(Right.SUBMIT)
async def apply(request: Request, caller: TheCaller, plan_id: UUID, form: TheForm) -> Response:
    """Submit exactly what a plan shows, and lead to its requests."""
    state = request.app.state
    with state.plan_workers.slot(0, caller):
        allowed = form.text("allow_mass_change") is not None
        submitted = await apply_kept(
            plan_id, caller, state.plan_workers, state.backlog, allow_mass_change=allowed
        )
    follow_up(request, caller, submitted)
    return RedirectResponse(address(request, "/requests", batch_id=batch_id_of(submitted)), 303)


def _read_file(raw: bytes, zone: str | None) -> Sequence[ChangeRow]:
    if len(raw) > _MAX_FILE:
        words = f"a file of more than {_MAX_FILE:,} bytes; dns-orchestrator apply takes larger ones"
        raise InvalidInput([Reason(("file",), "file_too_large", words)], "form")
    try:
        return read_changes_file(raw.decode("utf-8-sig"), zone)
    except UnicodeDecodeError as error:
        raise InvalidInput([Reason(("file",), "file_invalid", "it is not UTF-8")], "form") from error


def _order_of_plan(kept: KeptPlan) -> Order:
    rows = [row_of_item(item.body, item.action) for item in kept.plan.items]
    first = kept.plan.items[0].body if kept.plan.items else {}
    context = first.get("context", {}) if isinstance(first, dict) else {}
    fields = {name: str(context[name]) for name in CONTEXT if context.get(name)}
    return Order(rows, fields)


def _grid(
    request: Request,
    caller: Caller,
    order: Order,
    seen: Seen | None = None,
    status: int = 200,
    of_file: Sequence[Reason] = (),
) -> Response:
    with reading() as session:
        served = [zone.name for zone in list_zones(session)]
    values: Mapping[str, Any] = {
        "order": order,
        "wrong": seen.wrong if seen else [()] * len(order.rows),
        "of_form": seen.of_form if seen else (),
        "of_file": of_file,
        "accounts": sorted(caller.principal.accounts),
        "zones": served[:_MAX_ZONES],
        "hints": HINTS,
        "blank": ChangeRow(),
    }
    return show(request, "change/grid.html", status, **values)

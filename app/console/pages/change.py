"""New change: a grid of changes, which are checked while they are written, imported, and planned."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import TheForm, TheFormWithFile
from app.console.grid import CONTEXT, FLAGS, PLACE, Order, Seen, read_order, see, see_reasons
from app.console.pages.plans import lead_to
from app.console.query import OneOf
from app.console.rendering import show
from app.console.type_hints import HINTS
from app.core.database import reading
from app.domain.change_files import MAX_ROWS, read_changes_file
from app.domain.change_row import ChangeRow, not_held, row_of_item
from app.domain.errors import InvalidInput, Reason, ServersNotAsked
from app.domain.permissions import Caller, Right
from app.services.plan.keep import Plan, get_plan, keep
from app.services.plan.make import ask_servers_of
from app.services.requests.batch import BodyWorkers
from app.services.requests.lookup import get_request
from app.services.zones.registry import list_zones

router = APIRouter(prefix="/change", route_class=PageRoute)

_BLANK = (ChangeRow(),) * 3
_MORE = (ChangeRow(),) * 10
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
        kept = get_plan(plan, caller).plan
        bodies = [item.body for item in kept.items]
        return _grid(request, caller, _order_of_plan(kept), dropped=_dropped(bodies))
    if repeated is not None:
        with reading() as session:
            found = get_request(session, repeated, caller.principal).request
        body = {"context": {"account_id": found.account_id}, "resource": found.resource}
        order = Order([row_of_item(body, found.action)], _fields_of(body))
        return _grid(request, caller, order, dropped=_dropped([body]))
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


@router.post("/rows")
@needs(Right.SUBMIT)
def more_rows(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """The grid with more rows, for browsers without scripts."""
    order = read_order(form)
    return _grid(request, caller, Order([*order.rows, *_MORE][:MAX_ROWS], order.fields))


@router.post("/import")
@needs(Right.SUBMIT)
async def import_rows(request: Request, caller: TheCaller, form: TheFormWithFile) -> Response:
    """The grid with the changes of a file, or of a text that was pasted."""
    file = form.file("file")
    text, origin = form.text("text"), form.text("origin")
    raw = await file.read(_MAX_FILE + 1) if file else (text or "").encode()
    order = read_order(form)
    kept = [row for row in order.rows if not row.is_blank]
    workers: BodyWorkers = request.app.state.plan_workers
    with workers.slot(len(raw), caller):
        try:
            rows = await workers.run(partial(_read_file, raw, origin, len(kept)))
        except InvalidInput as error:
            given = {"text": text or "", "origin": origin or ""}
            return _grid(request, caller, order, status=422, of_file=error.reasons, given=given)
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
        try:
            kept = await workers.run(partial(keep, await ask_servers_of(seen.plan)))
        except InvalidInput as error:
            return _grid(request, caller, order, see_reasons(order, error.reasons), status=error.status)
        except ServersNotAsked as error:
            away = see_reasons(order, [Reason((), error.code, str(error))])
            return _grid(request, caller, order, away, status=error.status)
        return await lead_to(request, caller, kept)


def _read_file(raw: bytes, origin: str | None, have: int) -> Sequence[ChangeRow]:
    """Return the rows of a file, which are to stand below those that the grid has. Raises InvalidInput."""
    if len(raw) > _MAX_FILE:
        words = f"a file of more than {_MAX_FILE:,} bytes; dns-orchestrator apply takes larger ones"
        raise InvalidInput([Reason(("file",), "file_too_large", words)])
    try:
        rows = read_changes_file(raw.decode("utf-8-sig"), origin)
    except UnicodeDecodeError as error:
        raise InvalidInput([Reason(("file",), "file_invalid", "it is not UTF-8")]) from error
    if have + len(rows) > MAX_ROWS:
        words = f"{len(rows)} changes, and {have} in the grid: it has room for {MAX_ROWS}"
        raise InvalidInput([Reason(("file",), "too_many_items", words)])
    return rows


def _order_of_plan(plan: Plan) -> Order:
    rows = [row_of_item(item.body, item.action) for item in plan.items[:MAX_ROWS]]
    flags = {flag: "true" for flag in FLAGS if getattr(plan, flag)}
    return Order(rows or _BLANK, {**_fields_of(plan.items[0].body if plan.items else {}), **flags})


def _fields_of(body: Any) -> Mapping[str, str]:
    """Return the fields that are about all rows, as a change has them."""
    found = dict(body) if isinstance(body, Mapping) else {}
    given = {**(found.get("context") or {}), **{name: found.get("resource", {}).get(name) for name in PLACE}}
    return {name: str(given[name]) for name in (*CONTEXT, *PLACE) if given.get(name)}


def _dropped(bodies: Iterable[Any]) -> Sequence[str]:
    return sorted({name for body in bodies for name in not_held(body)})


def _grid(
    request: Request,
    caller: Caller,
    order: Order,
    seen: Seen | None = None,
    status: int = 200,
    *,
    of_file: Sequence[Reason] = (),
    given: Mapping[str, str] | None = None,
    dropped: Sequence[str] = (),
) -> Response:
    with reading() as session:
        served = [zone.name for zone in list_zones(session)]
    values: Mapping[str, Any] = {
        "order": order,
        "wrong": seen.wrong if seen else [()] * len(order.rows),
        "of_form": seen.of_form if seen else (),
        "of_file": of_file,
        "given": given or {"text": "", "origin": ""},
        "dropped": dropped,
        "accounts": () if caller.principal.speaks_for_any else sorted(caller.principal.accounts),
        "account": order.fields.get("account_id") or caller.principal.only_account,
        "zones": served[:_MAX_ZONES],
        "hints": HINTS,
        "blank": ChangeRow(),
        "most": MAX_ROWS,
    }
    return show(request, "change/grid.html", status, **values)

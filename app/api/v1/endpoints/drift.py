"""What was changed in zones beside us: look at it, adopt it, restore what was there."""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.api import openapi, waiting
from app.api.auth import TheCaller, needs
from app.api.body import decode_json, read_optional_json
from app.api.drift_answers import adopted_out, drift_page, restored_out
from app.api.parameters import StrictRoute
from app.api.query import Cursor, Limit
from app.core.database import reading
from app.core.threads import run_to_the_end
from app.domain.change import RRsetKey
from app.domain.errors import InvalidInput
from app.domain.permissions import Right
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.request import DriftSelection, Restoration
from app.schemas.response import AdoptedOut, DriftPage, RestoredList
from app.services.requests.validate import shape_reasons
from app.services.zones import drift, registry
from app.services.zones.drift import Why
from app.services.zones.drift_keys import read_keys
from app.services.zones.registry import ServedZone

router = APIRouter(prefix="/zones", tags=["zones"], route_class=StrictRoute)

Selection = TypeVar("Selection", bound=DriftSelection)


@router.get("/{zone:path}/drift", summary="List drift", responses=openapi.NO_ZONE)
@needs(Right.READ_ALL)
def list_drift(zone: str, limit: Limit = 100, cursor: Cursor = None) -> DriftPage:
    """The RRsets that the primary has otherwise than the last request, import or adoption has left them."""
    with reading() as session:
        served = registry.get_zone(session, zone)
        return drift_page(served, drift.list_drift(session, served, limit, cursor))


@router.post("/{zone:path}/drift/adopt", summary="Adopt drift", **openapi.drift("DriftSelection"))
@needs(Right.MANAGE_ZONES)
async def adopt_drift(zone: str, request: Request, caller: TheCaller) -> AdoptedOut:
    """Records what was found, of all that has drifted or of the RRsets that are named. No server is changed.

    What a request has changed since then is left out.
    """
    served, body = await _read(zone, request, DriftSelection)
    return adopted_out(await run_to_the_end(partial(drift.adopt, caller, served, _keys(served, body))))


@router.post("/{zone:path}/drift/restore", response_model=RestoredList, **openapi.restoration())
@needs(Right.MANAGE_ZONES)
async def restore_drift(zone: str, request: Request, caller: TheCaller) -> Response:
    """Submits requests that restore what is recorded, in the name of whose each RRset is.

    Each expects what was found: what has changed since then fails with `state_changed` and stays as it is.
    """
    served, body = await _read(zone, request, Restoration)
    why = Why(body.comment, body.context.reason, body.context.ticket)
    keys = _keys(served, body)
    restored = await run_to_the_end(partial(drift.restore, caller, served, keys, why))
    content = restored_out(restored).model_dump_json()
    wait = waiting.asked_for_batch(request, [result for _, result in restored.items])
    return await waiting.answer_restored(request, Response(content, 202, media_type="application/json"), wait)


@router.post(
    "/{zone:path}/drift/check",
    status_code=202,
    summary="Look for drift now",
    **openapi.drift("DriftSelection"),
)
@needs(Right.MANAGE_ZONES)
async def check_drift(zone: str, request: Request, caller: TheCaller) -> DriftPage:
    """Has the watcher compare the whole zone with what is recorded, or ask for the RRsets that are named.

    It does so within `WATCH_INTERVAL` seconds or little more; `GET …/drift` says when it has.
    """
    served, body = await _read(zone, request, DriftSelection)
    await run_to_the_end(partial(drift.look_again, caller, served, _keys(served, body)))
    return await run_to_the_end(partial(list_drift, served.name))


async def _read(zone: str, request: Request, shape: type[Selection]) -> tuple[ServedZone, Selection]:
    """Return the zone and the body; there need not be any. Raises InvalidInput, ZoneNotFound."""
    raw = await read_optional_json(request)
    try:
        body = shape() if raw is None else shape.model_validate(decode_json(raw))
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, shape))) from error
    return await run_to_the_end(partial(_get, zone)), body


def _get(zone: str) -> ServedZone:
    with reading() as session:
        return registry.get_zone(session, zone)


def _keys(zone: ServedZone, body: DriftSelection) -> Sequence[RRsetKey] | None:
    """Return the RRsets that are named; None: all. Raises InvalidInput."""
    if body.rrsets is None:
        return None
    return read_keys(zone, [(each.domain, each.record_type) for each in body.rrsets])

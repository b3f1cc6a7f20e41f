"""What was changed in a zone beside the orchestrator."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import Form, TheForm, done, read_shape
from app.console.query import Cursor
from app.console.rendering import show
from app.console.words import segment
from app.core.database import reading
from app.domain.change import RRsetKey
from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Right
from app.schemas.request import Restoration
from app.services.requests.submission import Accepted
from app.services.zones import drift, registry
from app.services.zones.drift_keys import read_keys
from app.services.zones.registry import ServedZone

router = APIRouter(prefix="/zones", route_class=PageRoute)

_RRSETS = 40  # of a page: as many as a form may name


@router.get("/{name:path}/drift")
@needs(Right.READ_ALL)
def show_drift(request: Request, name: str, cursor: Cursor = None) -> Response:
    """The RRsets that the primary has otherwise than they are recorded."""
    with reading() as session:
        zone = registry.get_zone(session, name)
        found = drift.list_drift(session, zone, _RRSETS, cursor)
    return show(request, "zones/drift.html", zone=zone, found=found, page=found.page, watched=found.watched)


@router.post("/{name:path}/drift/adopt")
@needs(Right.MANAGE_ZONES)
def adopt(request: Request, caller: TheCaller, form: TheForm, name: str) -> Response:
    """Record what was found of what is ticked, or of all."""
    zone = _get(name)
    adopted = drift.adopt(caller, zone, _keys(zone, form, _read(form)))
    return done(request, f"/zones/{segment(zone.name)}/drift", "adopted", number=len(adopted))


@router.post("/{name:path}/drift/restore")
@needs(Right.MANAGE_ZONES)
def restore(request: Request, caller: TheCaller, form: TheForm, name: str) -> Response:
    """Submit requests that restore what is recorded of what is ticked, or of all."""
    zone, body = _get(name), _read(form)
    why = drift.Why(body.comment, body.context.reason, body.context.ticket)
    restored = drift.restore(caller, zone, _keys(zone, form, body), why)
    if all(isinstance(result, Accepted) for _, result in restored.items):
        return done(request, f"/zones/{segment(zone.name)}/drift", "restoring", number=len(restored.items))
    return show(request, "zones/restored.html", zone=zone, restored=restored)


@router.post("/{name:path}/drift/check")
@needs(Right.MANAGE_ZONES)
def look_again(request: Request, caller: TheCaller, name: str) -> Response:
    """Have the watcher compare the whole zone with what is recorded."""
    zone = _get(name)
    drift.look_again(caller, zone, None)
    return done(request, f"/zones/{segment(zone.name)}/drift", "comparison-asked")


def _get(name: str) -> ServedZone:
    with reading() as session:
        return registry.get_zone(session, name)


def _read(form: Form) -> Restoration:
    ticked = [
        dict(zip(("domain", "record_type"), each.rsplit(" ", 1), strict=False))
        for each in form.texts("rrset")
    ]
    context = {"reason": form.text("reason")}
    return read_shape(Restoration, {"context": context} | ({"rrsets": ticked} if ticked else {}))


def _keys(zone: ServedZone, form: Form, body: Restoration) -> Sequence[RRsetKey] | None:
    """Return what is ticked; None for all. Raises InvalidInput, also where neither is said."""
    if form.text("all"):
        return None
    if not body.rrsets:
        raise InvalidInput([Reason(("rrset",), "missing", "tick the RRsets that you mean")], "form")
    return read_keys(zone, [(each.domain, each.record_type) for each in body.rrsets])

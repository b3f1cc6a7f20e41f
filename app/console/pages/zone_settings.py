"""Zones: their settings, and who may change what in them."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from app.console.auth import PageRoute, TheCaller, has_right, needs
from app.console.forms import Form, TheForm, done, read_shape
from app.console.rendering import show
from app.console.words import segment
from app.console.zone_form import fields_of, patch_of
from app.core.database import reading, transaction
from app.domain.checks import Checks
from app.domain.drift import DriftPolicy
from app.domain.errors import InvalidInput
from app.domain.permissions import ANY, Caller, Effect, Right
from app.domain.zone_key import AT, dns_name
from app.domain.zone_settings import PrivateAddresses
from app.schemas.request import ZoneChange
from app.services.access import grants
from app.services.requests.cancel import cancel_zone
from app.services.zones import registry

router = APIRouter(prefix="/zones", route_class=PageRoute)

_SHOWN = 500  # grants


@router.get("/{name:path}/settings")
@needs(Right.READ)
def show_settings(request: Request, caller: TheCaller, name: str) -> Response:
    """What a zone allows, and what becomes of changes in it."""
    return _show(request, caller, name)


@router.post("/{name:path}/settings")
@needs(Right.MANAGE_ZONES)
def change_zone(request: Request, caller: TheCaller, form: TheForm, name: str) -> Response:
    """Change the settings, and the backend."""
    try:
        zone = _change(caller, name, form)
    except InvalidInput as error:
        return _show(request, caller, name, form.shown(), error)
    return done(request, f"/zones/{segment(zone.name)}/settings", "zone-changed")


@router.post("/{name:path}/remove")
@needs(Right.MANAGE_ZONES)
def remove_zone(request: Request, caller: TheCaller, form: TheForm, name: str) -> Response:
    """Stop serving a zone."""
    with reading() as session:
        zone = registry.get_zone(session, name)
    if form.text("cancel_open"):
        cancel_zone(zone.name, caller)
    with transaction() as session:
        registry.remove_zone(session, caller, zone.name)
    return done(request, "/zones", "zone-removed")


@router.get("/{name:path}/access")
@needs(Right.READ_ACCESS)
def show_access(request: Request, name: str) -> Response:
    """The grants about a zone, who owns it, and who approves what is reviewed."""
    with reading() as session:
        zone = registry.get_zone(session, name)
        about = {ANY, zone.name, f"{dns_name(zone.name)}{AT}{ANY}"}
        found = [each for each in grants.list_grants(session) if each.zone in about]
    shown, more = found[:_SHOWN], len(found) - _SHOWN
    return show(request, "zones/access.html", zone=zone, grants=shown, more=more, rights=zone.settings.rights)


def _change(caller: Caller, name: str, form: Form) -> registry.ServedZone:
    """Raises InvalidInput."""
    with reading() as session:
        stored = registry.get_zone(session, name)
    about_access = has_right(caller, Right.MANAGE_ACCESS)
    patch = patch_of(form, stored.settings, about_access=about_access)
    moved = form.text("backend")
    body = read_shape(ZoneChange, patch | ({"backend": moved} if moved != stored.backend else {}))
    with transaction() as session:
        return registry.change_zone(session, caller, name, body.backend, body.settings)


def _show(
    request: Request,
    caller: Caller,
    name: str,
    values: Mapping[str, str] | None = None,
    error: InvalidInput | None = None,
) -> Response:
    with reading() as session:
        zone = registry.get_zone(session, name)
    reserved = zone.settings.rights.reserved.accounts
    return show(
        request,
        "zones/settings.html",
        422 if error else 200,
        zone=zone,
        values=fields_of(zone.settings) | {"backend": zone.backend} if values is None else values,
        reserved={pattern: who for pattern, who in reserved.items() if caller.principal.reads(who)},
        reasons=error.reasons if error else (),
        choices={
            "checks": Checks,
            "private_addresses": PrivateAddresses,
            "drift": DriftPolicy,
            "others": Effect,
            "ungranted": (Effect.DENY, Effect.REVIEW),
        },
    )

"""Access: the grants, and who may make a change."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.console.auth import PageRoute, TheCaller, has_right, needs
from app.console.forms import Form, TheForm, done, read_shape
from app.console.query import FilterText
from app.console.rendering import show
from app.core.database import reading, transaction
from app.domain.change import Action
from app.domain.errors import InvalidInput, NotFound
from app.domain.permissions import ANY, EVERY_NAME, Caller, Effect, Right, Role
from app.schemas.access import Explain, NewGrant
from app.services.access import grants
from app.services.access.explain import Question, explain
from app.services.access.grants import GrantState

router = APIRouter(prefix="/access", route_class=PageRoute)

_SHOWN = 500  # grants


@router.get("/grants")
@needs(Right.READ_ACCESS)
def list_grants(request: Request, search: FilterText = None) -> Response:
    """The grants, the oldest first."""
    return _list(request, search, {})


@router.post("/grants")
@needs(Right.MANAGE_ACCESS)
def add_grant(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Add a grant."""
    try:
        _add(caller, form)
    except InvalidInput as error:
        return _list(request, None, form.shown(), error)
    request.app.state.access.expire()
    return done(request, "/access/grants", "grant-added")


@router.post("/grants/{grant_id}/remove")
@needs(Right.MANAGE_ACCESS)
def remove_grant(request: Request, caller: TheCaller, grant_id: UUID) -> Response:
    """Remove a grant."""
    with transaction() as session:
        grants.remove_grant(session, caller, grant_id)
    request.app.state.access.expire()
    return done(request, "/access/grants", "grant-removed")


@router.get("/explain")
@needs(Right.KNOW_ONESELF)
def explain_decision(
    request: Request,
    caller: TheCaller,
    action: FilterText = None,
    domain: FilterText = None,
    record_type: FilterText = None,
    account_id: FilterText = None,
    zone: FilterText = None,
    token: FilterText = None,
) -> Response:
    """Which grant lets somebody make a change, or keeps him from it."""
    found, error = None, None
    if domain is not None:
        asked = {
            "action": action or Action.CREATE,
            "domain": domain,
            "record_type": record_type or "A",
            "account_id": account_id,
            "zone": zone,
            "token": token,
        }
        try:
            body = read_shape(Explain, asked)
            with reading() as session:
                found = explain(session, caller, Question(**dict(body)))
        except (InvalidInput, NotFound) as wrong:
            error = wrong
    return show(
        request,
        "access/explain.html",
        422 if error else 200,
        found=found,
        reasons=error.reasons if isinstance(error, InvalidInput) else (),
        not_found=str(error) if isinstance(error, NotFound) else None,
        for_others=has_right(caller, Right.READ_ACCESS),
        actions=Action,
    )


def _add(caller: Caller, form: Form) -> None:
    """Raises InvalidInput."""
    body = read_shape(
        NewGrant,
        {
            "effect": form.text("effect"),
            "account_id": form.text("account_id"),
            "role": form.text("role"),
            "zone": form.text("zone") or ANY,
            "names": form.text("names") or EVERY_NAME,
            "types": form.words("types"),
            "actions": form.texts("action"),
            "comment": form.text("comment"),
        },
    )
    with transaction() as session:
        grants.add_grant(session, caller, body.grant(), body.comment)


def _list(
    request: Request, search: str | None, values: Mapping[str, str], error: InvalidInput | None = None
) -> Response:
    with reading() as session:
        found = [each for each in grants.list_grants(session) if _has(each, search)]
    return show(
        request,
        "access/grants.html",
        422 if error else 200,
        grants=found[:_SHOWN],
        more=len(found) - _SHOWN,
        search=search,
        values=values,
        reasons=error.reasons if error else (),
        effects=Effect,
        roles=Role,
        actions=Action,
    )


def _has(grant: GrantState, search: str | None) -> bool:
    texts = (grant.account_id, grant.role, grant.zone, grant.names, grant.comment)
    return search is None or any(search.lower() in text.lower() for text in texts if text)

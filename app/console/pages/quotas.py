"""Access: what accounts may have, and ask for."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import Form, TheForm, done, read_shape
from app.console.rendering import show
from app.core.database import reading, transaction
from app.domain.errors import InvalidInput
from app.domain.permissions import Caller, Right
from app.domain.quotas import QUOTA_NAMES
from app.schemas.access import NewQuota
from app.schemas.request import Account
from app.services.access import quotas

router = APIRouter(prefix="/access/quotas", route_class=PageRoute)

_SHOWN = 500  # accounts


class _Named(BaseModel):
    account_id: Account


@router.get("")
@needs(Right.READ_ACCESS)
def list_quotas(request: Request) -> Response:
    """The accounts that have quotas of their own, and what counts for all others."""
    return _list(request, {})


@router.post("")
@needs(Right.MANAGE_ACCESS)
def set_quota(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Give an account a quota of its own."""
    try:
        _set(caller, form)
    except InvalidInput as error:
        return _list(request, form.shown(), error)
    request.app.state.access.expire()
    return done(request, "/access/quotas", "quota-set")


@router.post("/remove")
@needs(Right.MANAGE_ACCESS)
def remove_quota(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Let the defaults count for an account again."""
    account = read_shape(_Named, {"account_id": form.text("account_id")}).account_id
    with transaction() as session:
        quotas.remove_quota(session, caller, account)
    request.app.state.access.expire()
    return done(request, "/access/quotas", "quota-removed")


def _set(caller: Caller, form: Form) -> None:
    """Raises InvalidInput."""
    values = {name: form.number(name) for name in QUOTA_NAMES}
    body = read_shape(NewQuota, {**values, "comment": form.text("comment")})
    account = read_shape(_Named, {"account_id": form.text("account_id")}).account_id
    with transaction() as session:
        quotas.set_quota(session, caller, account, body.model_dump(include=set(QUOTA_NAMES)), body.comment)


def _list(request: Request, values: Mapping[str, str], error: InvalidInput | None = None) -> Response:
    with reading() as session:
        found = quotas.list_quotas(session)
    return show(
        request,
        "access/quotas.html",
        422 if error else 200,
        quotas=found[:_SHOWN],
        more=len(found) - _SHOWN,
        default=quotas.default_quota(),
        names=QUOTA_NAMES,
        values=values,
        reasons=error.reasons if error else (),
    )

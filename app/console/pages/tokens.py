"""Access: the tokens."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.console.auth import PageRoute, TheCaller, needs
from app.console.forms import Form, TheForm, done, read_shape
from app.console.query import FilterText, OneOf
from app.console.rendering import show
from app.console.words import segment
from app.core.database import reading, transaction
from app.domain.errors import InvalidInput
from app.domain.permissions import Caller, Right, Role
from app.schemas.access import NewToken
from app.services.access import tokens
from app.services.access.tokens import TokenState

router = APIRouter(prefix="/access", route_class=PageRoute)

_SHOWN = 200  # tokens


@router.get("")
@needs(Right.READ_ACCESS)
def list_tokens(
    request: Request,
    search: FilterText = None,
    ended: Annotated[OneOf[bool], Query()] = None,
) -> Response:
    """The tokens, the newest first; those that have ended only where they are asked for."""
    with reading() as session:
        all_of_them = tokens.list_tokens(session)
    found = [each for each in all_of_them if (ended or not each.has_ended) and _has(each, search)]
    return show(
        request,
        "access/tokens.html",
        tokens=found[:_SHOWN],
        more=len(found) - _SHOWN,
        search=search,
        ended=ended,
    )


@router.get("/tokens/new")
@needs(Right.MANAGE_ACCESS)
def show_form(request: Request) -> Response:
    """The form for a token."""
    return _show_form(request, {}, ())


@router.post("/tokens/new")
@needs(Right.MANAGE_ACCESS)
def create_token(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Make a token, and show it: nobody sees it a second time."""
    try:
        made = _make(caller, form)
    except InvalidInput as error:
        return _show_form(request, form.shown(), form.texts("role"), error)
    request.app.state.access.expire()
    return show(request, "access/token_made.html", secret=made.secret, token=made.token)


@router.post("/tokens/{prefix}/revoke")
@needs(Right.MANAGE_ACCESS)
def revoke_token(request: Request, caller: TheCaller, prefix: str) -> Response:
    """Let nobody use a token any more."""
    with transaction() as session:
        revoked = tokens.revoke_token(session, caller, prefix)
    request.app.state.access.expire()
    return done(request, "/access", "token-revoked", search=segment(revoked.prefix), ended="true")


def _make(caller: Caller, form: Form) -> tokens.NewToken:
    """Return the token that was made. Raises InvalidInput."""
    ends = form.text("expires_at")
    body = read_shape(
        NewToken,
        {
            "accounts": form.lines("accounts"),
            "roles": form.texts("role"),
            "networks": form.words("networks"),
            "expires_at": f"{ends}Z" if ends else None,
            "person": form.text("person"),
            "comment": form.text("comment"),
        },
    )
    with transaction() as session:
        return tokens.create_token(session, caller, tokens.TokenOrder(**dict(body)))


def _show_form(
    request: Request, values: Mapping[str, str], ticked: Sequence[str], error: InvalidInput | None = None
) -> Response:
    reasons = error.reasons if error else ()
    status = 422 if error else 200
    return show(
        request, "access/token_form.html", status, values=values, ticked=ticked, reasons=reasons, roles=Role
    )


def _has(token: TokenState, search: str | None) -> bool:
    texts = (token.prefix, token.person, token.comment, token.created_by, *token.accounts, *token.roles)
    return search is None or any(search.lower() in text.lower() for text in texts if text)

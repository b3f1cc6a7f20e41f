"""Requests: the list, and one of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.console.auth import PageRoute, TheCaller, needs
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import show
from app.core.database import reading
from app.domain.lifecycle import Status
from app.domain.permissions import Right
from app.services.access.reading import account_to_list
from app.services.requests.lookup import RequestFilter, find_requests

router = APIRouter(route_class=PageRoute)

_PAGE = 50  # requests


@router.get("/requests")
@needs(Right.READ)
def list_requests(
    request: Request,
    caller: TheCaller,
    status: Annotated[OneOf[Status], Query()] = None,
    zone: FilterText = None,
    domain: FilterText = None,
    account_id: FilterText = None,
    cursor: Cursor = None,
) -> Response:
    """The requests that the filters leave, the newest first."""
    account = account_to_list(caller.principal, account_id)
    filters = RequestFilter(status=status, zone=zone, domain=domain, account_id=account)
    with reading() as session:
        page = find_requests(session, filters, _PAGE, cursor)
    return show(request, "requests/list.html", filters=filters, page=page)

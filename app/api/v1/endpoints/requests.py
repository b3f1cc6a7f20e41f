"""Follow requests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api import answers, openapi
from app.api.query import Cursor, Limit, Text
from app.core.database import transaction
from app.domain.lifecycle import Status
from app.domain.rdata import RecordType
from app.schemas.request import Source
from app.schemas.response import RequestDetail, RequestPage
from app.services.requests.lookup import RequestFilter, find_requests, get_request

router = APIRouter(prefix="/dns/requests", tags=["dns"])


@router.get("/{request_id}", summary="Follow a request", responses=openapi.NO_REQUEST)
def show_request(request_id: UUID) -> RequestDetail:
    """How far it has come, with its log: every change of status, and what Ansible said."""
    with transaction() as session:
        state, log = get_request(session, request_id)
    return answers.request_detail(state, log)


@router.get("", summary="List requests")
def list_requests(
    status: Status | None = None,
    account_id: Annotated[Text | None, Query()] = None,
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: RecordType | None = None,
    source: Annotated[Source | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RequestPage:
    """Newest first."""
    wanted = RequestFilter(status, account_id, zone, domain, record_type, source)
    with transaction() as session:
        page = find_requests(session, wanted, limit, cursor)
    return RequestPage(items=[answers.request_out(item) for item in page.items], next_cursor=page.next_cursor)

"""Follow requests, and look at the records."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from app.api import openapi
from app.api.body import Cursor, Limit, Text
from app.api.errors import Problem, Refusal
from app.core.database import transaction
from app.domain.change import Source
from app.domain.errors import DomainError
from app.domain.lifecycle import Status
from app.domain.names import normalize
from app.domain.rdata import RecordType
from app.domain.rules import Reason
from app.schemas.response import (
    RecordPage,
    RequestDetail,
    RequestPage,
)
from app.services.requests import lookup

router = APIRouter(prefix="/dns", tags=["dns"])


@router.get("/requests/{request_id}", summary="Follow a request", responses=openapi.UNKNOWN)
def show_request(request_id: UUID) -> RequestDetail:
    """How far it has come, with its log: every change of status, and what Ansible said."""
    with transaction() as session:
        found = lookup.request_detail(session, request_id)
    if found is None:
        raise Problem(404, "there is no such request")
    return found


@router.get("/requests", summary="List requests")
def list_requests(
    status: Status | None = None,
    account_id: Annotated[Text | None, Query()] = None,
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: RecordType | None = None,
    source: Source | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RequestPage:
    """Newest first."""
    wanted = {
        "status": status,
        "account_id": account_id,
        "zone": _name("zone", zone),
        "name": _name("domain", domain),
        "record_type": record_type,
        "source": source,
    }
    try:
        with transaction() as session:
            return lookup.request_page(session, _given(wanted), limit, cursor)
    except lookup.BadCursor as error:
        raise _bad_cursor() from error


@router.get("/records", summary="List records")
def list_records(
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: RecordType | None = None,
    account_id: Annotated[Text | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RecordPage:
    """The RRsets that requests have changed, as the authoritative servers last answered them."""
    wanted = {
        "zone": _name("zone", zone),
        "name": _name("domain", domain),
        "record_type": record_type,
        "account_id": account_id,
    }
    try:
        with transaction() as session:
            return lookup.record_page(session, _given(wanted), limit, cursor)
    except lookup.BadCursor as error:
        raise _bad_cursor() from error


def _name(place: str, value: str | None) -> str | None:
    try:
        return normalize(value) if value is not None else None
    except DomainError as error:
        raise Refusal([Reason((place,), error.code, error.message)], "query") from error


def _given(wanted: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in wanted.items() if value is not None}


def _bad_cursor() -> Refusal:
    return Refusal([Reason(("cursor",), "cursor_invalid", "this cursor was not given out here")], "query")

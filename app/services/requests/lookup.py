"""Read what is stored: requests with their log, and records."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.lifecycle import Status
from app.schemas.response import (
    ContextOut,
    ErrorOut,
    EventOut,
    RecordOut,
    RecordPage,
    RequestDetail,
    RequestOut,
    RequestPage,
)
from app.store import records, requests
from app.store.models import Record, Request


class BadCursor(ValueError):
    """The cursor is none that this service has given out."""


def request_detail(session: Session, request_id: UUID) -> RequestDetail | None:
    """A request with its log: its own events, and what Ansible said in its runs."""
    request = requests.by_id(session, [request_id]).get(request_id)
    if request is None:
        return None
    own = requests.events(session, request_id)
    runs = {event.run_id for event in own if event.run_id is not None}
    said = requests.run_events(session, runs) if runs else []
    log = [EventOut(at=event.at, status=event.status, message=event.message) for event in own]
    log += [EventOut(at=line.at, status=Status.RUNNING, message=line.message) for line in said]
    return RequestDetail(**_full(request), events=sorted(log, key=lambda event: event.at))


def request_page(session: Session, filters: Mapping[str, Any], limit: int, cursor: str | None) -> RequestPage:
    """A page of requests, newest first. Raises BadCursor."""
    before = _request_cursor(cursor) if cursor is not None else None
    rows = requests.page(session, filters, limit + 1, before)
    items = [RequestOut(**_full(row)) for row in rows[:limit]]
    more = _encode(str(items[-1].id)) if len(rows) > limit else None
    return RequestPage(items=items, next_cursor=more)


def record_page(session: Session, filters: Mapping[str, Any], limit: int, cursor: str | None) -> RecordPage:
    """A page of records by zone, name and type. Raises BadCursor."""
    after = _record_cursor(cursor) if cursor is not None else None
    rows = records.page(session, filters, limit + 1, after)
    items = [_record(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    more = _encode([last.zone, last.domain, last.record_type]) if last else None
    return RecordPage(items=items, next_cursor=more)


def _core(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "action": request.action,
        "status": request.status,
        "zone": request.zone,
        "context": ContextOut(account_id=request.account_id, source=request.source),
        "resource": request.resource,
        "created_at": request.created_at,
    }


def _full(request: Request) -> dict[str, Any]:
    failed = request.error_code is not None
    error = ErrorOut(code=request.error_code or "", message=request.error_message or "") if failed else None
    return {
        **_core(request),
        "attempts": request.attempts,
        "run_id": request.run_id,
        "error": error,
        "started_at": request.started_at,
        "finished_at": request.finished_at,
        "verified_at": request.verified_at,
    }


def _record(record: Record) -> RecordOut:
    return RecordOut(
        zone=record.zone,
        domain=record.name,
        record_type=record.record_type,
        ttl=record.ttl,
        target=record.rdata,
        account_id=record.account_id,
        request_id=record.request_id,
        comment=record.comment,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def _encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _decode(cursor: str) -> Any:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        return json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor(cursor) from error


def _request_cursor(cursor: str) -> UUID:
    try:
        return UUID(_decode(cursor))
    except (ValueError, TypeError, AttributeError) as error:
        raise BadCursor(cursor) from error


def _record_cursor(cursor: str) -> tuple[str, str, str]:
    match _decode(cursor):
        case [str(zone), str(name), str(record_type)] if (zone + name + record_type).isprintable():
            return zone, name, record_type
    raise BadCursor(cursor)

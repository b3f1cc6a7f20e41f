"""Requests: stored once, looked up often."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from app.domain.status import Action, Source
from app.store.models import Request, RequestEvent, RunEvent


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A validated request that is not stored yet."""

    id: UUID
    action: Action
    account_id: str
    source: Source
    resource: Mapping[str, Any]
    zone: str
    name: str
    record_type: str
    ttl: int
    rdata: Sequence[str]
    idempotency_key: str | None
    fingerprint: str  # hexadecimal


# One statement and one parameter for any number of rows; the array's order is the order of acceptance.
_INSERT = text(
    """
    WITH stored AS (
        INSERT INTO dns_requests (id, action, account_id, source, resource, zone, name, record_type, ttl,
                                  rdata, idempotency_key, fingerprint)
        SELECT id, action, account_id, source, resource, zone, name, record_type, ttl,
               rdata, idempotency_key, decode(fingerprint, 'hex')
          FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (
               id uuid, action text, account_id text, source text, resource jsonb, zone text, name text,
               record_type text, ttl int, rdata text[], idempotency_key text, fingerprint text)
        ON CONFLICT (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING id, created_at
    ), logged AS (
        INSERT INTO dns_request_events (request_id, at, status, message)
        SELECT id, created_at, 'pending', 'accepted' FROM stored
    )
    SELECT id, created_at FROM stored
    """
)


def insert(session: Session, new: Iterable[NewRequest]) -> dict[UUID, datetime]:
    """Store the requests, in order; returns when, for those whose idempotency key is not taken."""
    rows = json.dumps([_row(request) for request in new])
    return {stored.id: stored.created_at for stored in session.execute(_INSERT, {"rows": rows})}


def by_idempotency_key(session: Session, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Request]:
    """The requests that were stored under these (account, idempotency key) pairs."""
    column = tuple_(Request.account_id, Request.idempotency_key)
    found = session.scalars(select(Request).where(column.in_(list(pairs))))
    return {(request.account_id, request.idempotency_key or ""): request for request in found}


def by_id(session: Session, ids: Iterable[UUID]) -> dict[UUID, Request]:
    """The requests of these ids."""
    return {
        request.id: request for request in session.scalars(select(Request).where(Request.id.in_(list(ids))))
    }


def page(session: Session, filters: Mapping[str, Any], limit: int, before: UUID | None) -> list[Request]:
    """Requests whose columns equal the filters, newest first, older than the request `before`."""
    statement = select(Request).filter_by(**filters).order_by(Request.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Request.id < before)
    return list(session.scalars(statement))


def has_open(session: Session, zone: str) -> bool:
    """Whether anything of this zone is still on its way."""
    statement = text(
        "SELECT EXISTS (SELECT FROM dns_requests WHERE zone = :zone"
        " AND status IN ('pending', 'running', 'verifying'))"
    )
    return bool(session.scalar(statement, {"zone": zone}))


def events(session: Session, request_id: UUID) -> list[RequestEvent]:
    """The request's own log, oldest first."""
    statement = select(RequestEvent).where(RequestEvent.request_id == request_id).order_by(RequestEvent.id)
    return list(session.scalars(statement))


def run_events(session: Session, run_ids: Iterable[UUID]) -> list[RunEvent]:
    """What Ansible said in these runs, oldest first."""
    statement = select(RunEvent).where(RunEvent.run_id.in_(list(run_ids))).order_by(RunEvent.id)
    return list(session.scalars(statement))


def _row(new: NewRequest) -> dict[str, Any]:
    return {
        "id": str(new.id),
        "action": new.action,
        "account_id": new.account_id,
        "source": new.source,
        "resource": new.resource,
        "zone": new.zone,
        "name": new.name,
        "record_type": new.record_type,
        "ttl": new.ttl,
        "rdata": list(new.rdata),
        "idempotency_key": new.idempotency_key,
        "fingerprint": new.fingerprint,
    }

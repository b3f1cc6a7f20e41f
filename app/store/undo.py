"""What requests have done to RRsets, and which request takes which back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session, undefer

from app.store.models import Request
from app.store.requests import ids_of_keys

State = dict[str, Any] | None


def lock(session: Session, request_id: UUID) -> Request | None:
    """Return the request of that id, with what was there before and after it.

    Nobody else can take it back until the transaction ends.
    """
    options = [undefer(Request.before), undefer(Request.after)]
    return session.get(Request, request_id, options=options, with_for_update={"key_share": True})


def states(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[State, State]]:
    """Return the RRset before and after each of these requests, as `Request` has them."""
    found = session.execute(select(Request.id, Request.before, Request.after).where(Request.id.in_(ids)))
    return {row.id: (row.before, row.after) for row in found}


def find_by_key(session: Session, account_id: str, key: str) -> Request | None:
    """Return the request that the account's idempotency key stands for."""
    found = ids_of_keys(session, [(account_id, key)])
    return session.get(Request, next(iter(found.values()))) if found else None


def note(session: Session, request_id: UUID, undone_by: UUID) -> None:
    """Note that one request is to take the other back."""
    session.execute(update(Request).where(Request.id == request_id).values(undone_by=undone_by))

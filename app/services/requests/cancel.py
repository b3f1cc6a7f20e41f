"""Cancel requests that are scheduled or wait, or whose verification nobody needs to wait for any longer."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.database import transaction
from app.domain.errors import RequestNotFound, RequestRunning, RequestSettled
from app.domain.lifecycle import Status
from app.domain.permissions import Caller
from app.services.requests.authorise import steers_all
from app.services.requests.lookup import RequestFilter, RequestState, find_requests, state_of
from app.services.requests.many import MAX_AT_ONCE, Changed
from app.services.requests.operators import note_many, note_others
from app.store import requests
from app.store.models import Request

_WAITING = (Status.AWAITING_APPROVAL, Status.SCHEDULED, Status.PENDING)
_ZONE_BUDGET = 20  # seconds in which the requests of one zone are cancelled


def cancel_request(request_id: UUID, caller: Caller) -> RequestState:
    """Cancel the request, and return it. One that is cancelled already stays so.

    Those of its group, which are all or none, are cancelled with it. What was applied stays applied.
    Raises RequestNotFound, also where it, or one of its group, is not the caller's to cancel; RequestRunning,
    RequestSettled.
    """
    with transaction() as session:
        group = next(iter(requests.groups_of(session, [request_id]).values()), ())
        changed = cancel_whole(session, group) if group else requests.cancel(session, [request_id], wait=True)
        row = next((row for row in changed if row.id == request_id), None) or requests.get(
            session, request_id
        )
        if row is None or not steers_all(caller, [row, *changed]):
            raise RequestNotFound
        if row.status is Status.RUNNING or (group and row.status in _WAITING):
            raise RequestRunning
        if row.status is not Status.CANCELLED:
            raise RequestSettled(row.status)
        note_others(session, caller, "request_cancelled", changed)
        return state_of(row)


def cancel_many(filters: RequestFilter, cursor: str | None, caller: Caller) -> Changed:
    """Cancel the first requests that match, oldest first; pending ones unless another status is named.

    What a worker claims at this moment is left to it. Raises InvalidFilter.
    """
    filters = replace(filters, status=filters.status or Status.PENDING)
    with transaction() as session:
        page = find_requests(session, filters, MAX_AT_ONCE, cursor, newest_first=False)
        ids = [item.id for item in page.items]
        groups = requests.groups_of(session, ids).values()
        of_groups = {request_id for group in groups for request_id in group}
        alone = [request_id for request_id in ids if request_id not in of_groups]
        number = len(requests.cancel(session, alone, wait=False))
        number += sum(len(cancel_whole(session, group)) for group in groups)
        note_many(session, caller, "requests_cancelled", filters, number)
        return Changed(number, page.next_cursor)


def cancel_whole(session: Session, group: Sequence[UUID]) -> Sequence[Request]:
    """Cancel what can be cancelled of a group, but nothing while a worker claims it or applies it."""
    with suppress(_InUse), session.begin_nested():
        changed = requests.cancel(session, group, wait=False)
        if requests.any_waits_or_runs(session, group):
            raise _InUse
        return changed
    return ()


class _InUse(Exception):
    """Rolls back: a part of the group is a worker's now."""


def cancel_zone(zone: str, caller: Caller) -> None:
    """Cancel the zone's requests, but for those that are running, until none is left or time is up."""
    until = time.monotonic() + _ZONE_BUDGET
    cancelled = MAX_AT_ONCE
    while cancelled >= MAX_AT_ONCE and time.monotonic() < until:
        with transaction() as session:
            cancelled = requests.cancel_in_zone(session, zone, MAX_AT_ONCE)
            note_many(session, caller, "requests_cancelled", RequestFilter(zone=zone), cancelled)

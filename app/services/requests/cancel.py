"""Cancel requests that are scheduled or wait, or whose verification nobody needs to wait for any longer."""

import time
from dataclasses import replace
from uuid import UUID

from app.core.database import transaction
from app.domain.errors import RequestNotFound, RequestRunning, RequestSettled
from app.domain.lifecycle import Status
from app.services.requests.lookup import RequestFilter, RequestState, find_requests, state_of
from app.services.requests.many import MAX_AT_ONCE, Changed
from app.store import requests

_ZONE_BUDGET = 20  # seconds in which the requests of one zone are cancelled


def cancel_request(request_id: UUID) -> RequestState:
    """Cancel the request, and return it. One that is cancelled already stays so.

    What was applied stays applied. Raises RequestNotFound, RequestRunning, RequestSettled.
    """
    with transaction() as session:
        changed = requests.cancel(session, [request_id], wait=True)
        row = changed[0] if changed else requests.get(session, request_id)
        if row is None:
            raise RequestNotFound
        if row.status is Status.RUNNING:
            raise RequestRunning
        if row.status is not Status.CANCELLED:
            raise RequestSettled(row.status)
        return state_of(row)


def cancel_many(filters: RequestFilter, cursor: str | None) -> Changed:
    """Cancel the first requests that match, oldest first; pending ones unless another status is named.

    What a worker claims at this moment is left to it. Raises InvalidFilter.
    """
    filters = replace(filters, status=filters.status or Status.PENDING)
    with transaction() as session:
        page = find_requests(session, filters, MAX_AT_ONCE, cursor, newest_first=False)
        changed = requests.cancel(session, [item.id for item in page.items], wait=False)
        return Changed(len(changed), page.next_cursor)


def cancel_zone(zone: str) -> None:
    """Cancel the zone's requests, but for those that are running, until none is left or time is up."""
    until = time.monotonic() + _ZONE_BUDGET
    cancelled = MAX_AT_ONCE
    while cancelled == MAX_AT_ONCE and time.monotonic() < until:
        with transaction() as session:
            cancelled = requests.cancel_in_zone(session, zone, MAX_AT_ONCE)

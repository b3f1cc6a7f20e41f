"""Retry requests that have failed, or were cancelled: they go to the end of their zones' queues."""

from dataclasses import replace
from itertools import chain
from uuid import UUID

from app.core.database import transaction
from app.domain.errors import NotAllowed, RequestNotFound, RequestNotRetryable, ZoneNotServed
from app.domain.lifecycle import RETRYABLE, Status
from app.domain.permissions import Caller
from app.services import kicks
from app.services.requests.authorise import steers_all, why_not_again
from app.services.requests.lookup import RequestFilter, RequestState, find_requests, state_of
from app.services.requests.many import MAX_AT_ONCE, Changed
from app.store import requests


def retry_request(request_id: UUID, caller: Caller) -> RequestState:
    """Let the request run again, with nothing held against it, and return it.

    So do those of its group, which are all or none. What was accepted for its RRset meanwhile comes
    first. Raises RequestNotFound, also where it, or one of its group, is not the caller's to retry;
    NotAllowed where he may not make the change any more; RequestNotRetryable, ZoneNotServed.
    """
    with transaction() as session:
        group = next(iter(requests.groups_of(session, [request_id]).values()), ())
        changed = {row.id: row for row in requests.retry(session, group or [request_id], wait=True)}
        row = changed.get(request_id) or requests.get(session, request_id)
        if row is None or not steers_all(caller, [row, *changed.values()]):
            raise RequestNotFound
        if request_id not in changed:
            raise ZoneNotServed(row.zone) if row.status in RETRYABLE else RequestNotRetryable(row.status)
        if reason := why_not_again(session, caller, changed.values()):
            raise NotAllowed(reason)
        state = state_of(changed[request_id])
    kicks.kick_zones([state.zone])
    return state


def retry_many(filters: RequestFilter, cursor: str | None) -> Changed:
    """Retry the first requests that match, oldest first; failed ones unless another status is named.

    Raises InvalidFilter.
    """
    filters = replace(filters, status=filters.status or Status.FAILED)
    with transaction() as session:
        requests.wait_for_turn_to_retry_many(session)
        page = find_requests(session, filters, MAX_AT_ONCE, cursor, newest_first=False)
        ids = [item.id for item in page.items]
        groups = requests.groups_of(session, ids).values()
        changed = requests.retry(session, [*{*ids, *chain.from_iterable(groups)}], wait=False)
        zones = {row.zone for row in changed}
    kicks.kick_zones(zones)
    return Changed(len(changed), page.next_cursor)

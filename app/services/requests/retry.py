"""Retry requests that have failed, or were cancelled: they go to the end of their zones' queues."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.database import transaction
from app.domain.errors import (
    Conflict,
    NotAllowed,
    Reason,
    RequestNotFound,
    RequestNotRetryable,
    ZoneNotServed,
)
from app.domain.lifecycle import RETRYABLE, Status
from app.domain.permissions import Caller, Right
from app.services import kicks
from app.services.requests.authorise import NeedsReview, judge_again, steers_all
from app.services.requests.backlog import Backlog
from app.services.requests.lookup import RequestFilter, RequestState, find_requests, state_of
from app.services.requests.many import MAX_AT_ONCE, Changed
from app.services.requests.operators import note_many, note_others
from app.services.requests.reviewed import review_again
from app.store import requests, zones
from app.store.backlog import Addition, transaction_number
from app.store.models import Request


class Retried(NamedTuple):
    """A request that runs again, and what it and those of its group add to the backlog."""

    state: RequestState
    additions: Sequence[Addition]


def retry_request(request_id: UUID, caller: Caller, backlog: Backlog) -> Retried:
    """Let the request run again, with nothing held against it.

    So do those of its group, which are all or none. What was accepted for its RRset meanwhile comes
    first. Raises RequestNotFound, also where it, or one of its group, is not the caller's to retry;
    NotAllowed where he may not make the change any more; RequestNotRetryable, ZoneNotServed; QuotaExceeded,
    BacklogFull.
    """
    with transaction() as session:
        group = next(iter(requests.groups_of(session, [request_id]).values()), ())
        ids = group or [request_id]
        judged = _judge(session, requests.list_of(session, ids), caller)
        needs = {each: found for each, found in judged.items() if isinstance(found, NeedsReview)}
        changed = {
            row.id: row for row in requests.retry(session, ids, wait=True, to_review=ids if needs else ())
        }
        row = changed.get(request_id) or requests.get(session, request_id)
        if row is None or not steers_all(caller, [row, *changed.values()]):
            raise RequestNotFound
        if request_id not in changed:
            raise _why_not_retried(session, row)
        if reason := next((found for found in judged.values() if isinstance(found, Reason)), None):
            raise NotAllowed(reason)
        additions = _additions(session, changed.values())
        _require_room(session, additions, caller, backlog)
        review_again(session, _waiting(changed.values()), needs, caller)
        note_others(session, caller, "request_retried", list(changed.values()))
        state = state_of(changed[request_id])
    kicks.kick_zones([state.zone])
    return Retried(state, additions)


def _why_not_retried(session: Session, row: Request) -> Conflict:
    """Return why the retry has changed nothing; the request may have ended only after that was tried."""
    is_ended = row.status in RETRYABLE
    if is_ended and zones.get(session, row.zone) is None:
        return ZoneNotServed(row.zone)
    return RequestNotRetryable(row.status, just_ended=is_ended)


def _additions(session: Session, rows: Iterable[Request]) -> list[Addition]:
    now = transaction_number(session)
    numbers = Counter((row.account_id, row.status is not Status.PENDING) for row in rows)
    return [Addition(account, now, number, waits) for (account, waits), number in numbers.items()]


def _require_room(session: Session, additions: Sequence[Addition], caller: Caller, backlog: Backlog) -> None:
    """Raise QuotaExceeded, BacklogFull where accounts may not have these open; operators may let all run.

    Or else an account could have any number open: by cancelling, asking for as many again, and retrying.
    """
    if caller.unrestricted or caller.principal.has(Right.STEER_MANY):
        return
    backlog.look(session, {each.account: each.number for each in additions})
    room = backlog.room()
    for each in additions:
        for _ in range(each.number):
            if why := room.take(each.account, scheduled=each.scheduled):
                raise why


def _judge(session: Session, rows: Collection[Request], caller: Caller) -> dict[UUID, Reason | NeedsReview]:
    """Return what speaks against making these again, by their ids. What was approved once stays approved."""
    approved = {row.id for row in rows if row.review_id is not None and row.seq >= 0}
    return {
        request_id: judged
        for request_id, judged in judge_again(session, caller, rows).items()
        if isinstance(judged, Reason) or request_id not in approved
    }


def _leave_out_denied(
    session: Session, ids: Collection[UUID], groups: Collection[Collection[UUID]], caller: Caller
) -> tuple[set[UUID], dict[UUID, NeedsReview]]:
    """Return those that are retried, and what some of these need; a group is left out, or reviewed, whole."""
    if caller.unrestricted or not caller.principal.accounts:  # nothing is judged, see `judge_again`
        return set(ids), {}
    judged = _judge(session, requests.list_of(session, ids), caller)
    denied = {each for each, found in judged.items() if isinstance(found, Reason)}
    needs = {each: found for each, found in judged.items() if isinstance(found, NeedsReview)}
    for group in groups:
        if not denied.isdisjoint(group):
            denied.update(group)
        elif need := next((needs[each] for each in group if each in needs), None):
            needs |= {each: needs.get(each, need) for each in group}
    return set(ids) - denied, {each: need for each, need in needs.items() if each not in denied}


def _waiting(rows: Iterable[Request]) -> list[Request]:
    return [row for row in rows if row.status is Status.AWAITING_APPROVAL]


def retry_many(filters: RequestFilter, cursor: str | None, caller: Caller) -> Changed:
    """Retry the first requests that match, oldest first; failed ones unless another status is named.

    Raises InvalidFilter.
    """
    filters = replace(filters, status=filters.status or Status.FAILED)
    with transaction() as session:
        requests.wait_for_turn_to_retry_many(session)
        page = find_requests(session, filters, MAX_AT_ONCE, cursor, newest_first=False)
        ids = [item.id for item in page.items]
        groups = requests.groups_of(session, ids).values()
        chosen, needs = _leave_out_denied(session, {*ids, *chain.from_iterable(groups)}, groups, caller)
        changed = requests.retry(session, [*chosen], wait=False, to_review=[*needs])
        review_again(session, _waiting(changed), needs, caller)
        zones = {row.zone for row in changed}
        note_many(session, caller, "requests_retried", filters, len(changed))
    kicks.kick_zones(zones)
    return Changed(len(changed), page.next_cursor)

"""Follow requests, and take a hand in what becomes of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID, uuid4

from dns_orchestrator.call import (
    Call,
    Flow,
    Give,
    Group,
    Mode,
    Stream,
    all_items,
    call,
    flow,
    given,
    pages,
    stream,
)
from dns_orchestrator.following import follow
from dns_orchestrator.models.base import Page
from dns_orchestrator.models.plans import ReviewDetail
from dns_orchestrator.models.requests import BatchProgress, Event, ManyChanged, Request
from dns_orchestrator.waiting import Deadline, get_request, submission, until_succeeded

Id = UUID | str


class Filters(TypedDict, total=False):
    """Which requests: those that match all that is given. Times are RFC 3339 where they are texts."""

    status: str | None
    code: str | None
    account_id: str | None
    zone: str | None
    domain: str | None
    record_type: str | None
    source: str | None
    run_id: Id | None
    batch_id: Id | None
    since: datetime | str | None
    until: datetime | str | None


class Requests(Group[Mode]):
    """`client.requests`: what was asked for."""

    @call
    def get(self, request_id: Id) -> Call[Request]:
        """Return a request with the end of its log."""
        return get_request(request_id)

    @stream
    def list(
        self, *, mine: bool | None = None, page_size: int = 100, **filters: Unpack[Filters]
    ) -> Stream[Request]:
        """Give requests, the newest first. `mine`: those that wait for an approval of the caller's."""
        query = {**filters, "mine": mine, "limit": page_size}
        return pages(Call("GET", "/dns/requests", Page[Request], query=query))

    @stream
    def events(self, request_id: Id, *, page_size: int = 100) -> Stream[Event]:
        """Give all lines of a request's log, the newest first."""
        query = {"limit": page_size}
        return pages(Call("GET", f"/dns/requests/{request_id}/events", Page[Event], query=query))

    @flow
    def wait(self, request_id: Id, seconds: float) -> Flow[Request]:
        """Return a request when it has succeeded. Raises RequestFailed, StillOpen."""
        request = yield get_request(request_id)
        return (yield from until_succeeded(request, seconds))

    @stream
    def follow(self, request_id: Id, *, seconds: float = 3600.0) -> Stream[Event]:
        """Give the lines of a request's log as they come, the oldest first, until it is settled."""
        return follow(request_id, Deadline(seconds))

    @call
    def cancel(self, request_id: Id) -> Call[Request]:
        """Take back what waits or is scheduled; what was applied stays so."""
        return Call("POST", f"/dns/requests/{request_id}/cancel", Request, repeatable=False)

    @flow
    def retry(self, request_id: Id, *, wait: float | None = None) -> Flow[Request]:
        """Have a failed or cancelled request run again."""
        return submission(f"/dns/requests/{request_id}/retry", wait, repeatable=False)

    @flow
    def undo(
        self,
        request_id: Id,
        *,
        comment: str | None = None,
        reason: str | None = None,
        ticket: str | None = None,
        account_id: str | None = None,
        idempotency_key: str | None = None,
        wait: float | None = None,
    ) -> Flow[Request]:
        """Ask for what was there before a request, unless it was changed since."""
        context = given(reason=reason, ticket=ticket, account_id=account_id)
        body = given(comment=comment, context=context or None)
        key = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return submission(f"/dns/requests/{request_id}/undo", wait, body, key)

    @call
    def review(self, request_id: Id) -> Call[ReviewDetail]:
        """Return what a request that waits for an approval would change, by the servers."""
        return Call("GET", f"/dns/requests/{request_id}/review", ReviewDetail)

    @flow
    def approve(
        self,
        request_id: Id,
        *,
        comment: str | None = None,
        state: str | None = None,
        wait: float | None = None,
    ) -> Flow[Request]:
        """Approve it, with those that are decided with it; with a `state`, only as it was looked at."""
        body = given(comment=comment, state=state)
        return submission(f"/dns/requests/{request_id}/approve", wait, body, repeatable=False)

    @call
    def reject(self, request_id: Id, *, comment: str | None = None) -> Call[Request]:
        """Reject it for good, with those that are decided with it."""
        path = f"/dns/requests/{request_id}/reject"
        return Call("POST", path, Request, json=given(comment=comment), repeatable=False)

    @flow
    def cancel_many(self, **filters: Unpack[Filters]) -> Flow[int]:
        """Cancel all that match; return how many those were."""
        return _many("/dns/requests/cancel", filters)

    @flow
    def retry_many(self, **filters: Unpack[Filters]) -> Flow[int]:
        """Have all that match run again; return how many those are."""
        return _many("/dns/requests/retry", filters)

    @call
    def batch(self, batch_id: Id) -> Call[BatchProgress]:
        """Return how far the requests of a batch have come."""
        return Call("GET", f"/dns/batches/{batch_id}", BatchProgress)

    @stream
    def states(self, request_ids: Iterable[Id]) -> Stream[Request]:
        """Give these requests as they are now, in any order; those of one batch are asked for together."""
        return _states({UUID(str(each)) for each in request_ids})


def _states(wanted: set[UUID]) -> Stream[Request]:
    while wanted:
        request: Request = yield get_request(wanted.pop())
        yield Give(request)
        if request.batch_id is not None:
            query = {"batch_id": request.batch_id, "limit": 1000}
            of_batch = yield from all_items(Call("GET", "/dns/requests", Page[Request], query=query))
            for each in of_batch:
                if each.id in wanted:
                    wanted.remove(each.id)
                    yield Give(each)


def _many(path: str, filters: Filters) -> Flow[int]:
    count, cursor = 0, None
    while True:
        changed: ManyChanged = yield Call(
            "POST", path, ManyChanged, json=given(**filters, cursor=cursor), repeatable=False
        )
        count, cursor = count + changed.count, changed.next_cursor
        if cursor is None:
            return count

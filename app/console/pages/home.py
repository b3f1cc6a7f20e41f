"""The first page: what is one's own, what waits for one, and how the service is."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from app.console.auth import PageRoute, TheCaller, has_right, needs
from app.console.charts import latency_chart, requests_chart, worth_drawing
from app.console.pages.approvals import find_waiting
from app.console.rendering import show
from app.core.database import reading
from app.domain.permissions import Caller, Right
from app.services.dead_letter_count import DeadLetterCount
from app.services.health import list_problems
from app.services.requests.lookup import RequestFilter, RequestState, find_requests
from app.services.stats import MAX_HOURS, CurrentStats, Stats
from app.services.stats_history import Moment

router = APIRouter(route_class=PageRoute)

_ITEMS = 10  # of each list
_ACCOUNTS = 10  # of whom open requests are shown


async def _find_problems(request: Request, caller: TheCaller) -> list[str]:
    """Return what `/readyz` says; of backends where the reader sees everything."""
    state = request.app.state
    backends = state.unavailable.codes if has_right(caller, Right.READ_ALL) else {}
    limit = state.backlog.limit if state.backlog.full else 0
    return list_problems(await state.probes.states(), backends, limit, state.presence.problem)


Problems = Annotated[list[str], Depends(_find_problems)]


@router.get("/")
@needs(Right.KNOW_ONESELF)
def show_home(
    request: Request,
    caller: TheCaller,
    problems: Problems,
    hours: Annotated[int, Query(ge=1, le=MAX_HOURS)] = 3,
) -> Response:
    """What the reader's rights let him see."""
    reads, approves = has_right(caller, Right.READ), has_right(caller, Right.APPROVE)
    with reading() as session:
        own = _own_open(session, caller) if reads else []
        inbox = find_waiting(session, caller, _ITEMS, None) if approves else None
    counted: DeadLetterCount = request.app.state.dead_letters
    stats: Stats | None = None
    history: Sequence[Moment] = ()
    if reads:
        current: CurrentStats = request.app.state.stats
        stats = current.look(caller.principal, hours)
        history = worth_drawing(stats.history)
    return show(
        request,
        "home.html",
        problems=problems,
        dead_letters=counted.look() if has_right(caller, Right.READ_ALL) else None,
        own=own,
        inbox=inbox,
        stats=stats,
        hours=hours,
        requests_chart=requests_chart(history),
        latency_chart=latency_chart(history),
    )


def _own_open(session: Session, caller: Caller) -> Sequence[RequestState]:
    """Return the newest open requests of the reader's accounts; of everybody, where everybody is anybody."""
    accounts: Sequence[str | None] = sorted(caller.principal.accounts)[:_ACCOUNTS]
    if caller.unrestricted:
        accounts = [None]
    found: list[RequestState] = []
    for account in accounts:
        found += find_requests(session, RequestFilter(account_id=account, open=True), _ITEMS, None).items
    return sorted(found, key=lambda each: each.created_at, reverse=True)[:_ITEMS]

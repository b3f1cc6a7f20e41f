"""Figures for those who look on."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator

from app.api.auth import TheCaller, needs
from app.api.parameters import StrictRoute
from app.api.query import require_digits
from app.api.stats_answers import stats_out
from app.domain.permissions import Right
from app.schemas.stats import StatsOut
from app.services.dead_letter_count import DeadLetterCount
from app.services.stats import MAX_HOURS, CurrentStats

router = APIRouter(prefix="/stats", tags=["stats"], route_class=StrictRoute)

Hours = Annotated[int, Query(ge=1, le=MAX_HOURS), BeforeValidator(require_digits)]


@router.get("", summary="Look at the figures")
@needs(Right.READ)
def show_stats(request: Request, caller: TheCaller, hours: Hours = 3) -> StatsOut:
    """What is open, how long it takes, what is wrong; and a history of so many hours.

    A step of it is a minute, or five where it goes back further than 3 hours. The figures are those of your
    accounts, or of everybody where you read everything. They are up to two seconds old, and older where it
    takes long to read them.
    """
    current: CurrentStats = request.app.state.stats
    reads_all = caller.unrestricted or caller.principal.has(Right.READ_ALL)
    counted: DeadLetterCount = request.app.state.dead_letters
    return stats_out(current.look(caller.principal, hours), counted.look() if reads_all else None)

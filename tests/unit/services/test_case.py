"""Who may decide about a review."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.approval import Reviewed
from app.domain.errors import FourEyes, NotAwaitingApproval
from app.domain.permissions import EVERYBODY, Caller, Grants, Principal, Role
from app.services.requests.case import Case, ReviewState, require_may_decide

ASKER = Principal("token a", roles=frozenset({Role.ADMIN}))


def asked_by(principal: Principal) -> Case:
    now = datetime.now(UTC)
    ends = now + timedelta(hours=1)
    review = ReviewState(UUID(int=1), "why", principal.name, now, ends, None, None, None, None)
    reviewed = Reviewed((), principal.asks_as, {"team-a"})
    return Case(review, (), reviewed, principal, ["zone.test"], is_overdue=False)


def test_everybody_decides_about_what_everybody_has_asked_for() -> None:
    require_may_decide(asked_by(EVERYBODY.principal), EVERYBODY)  # as with AUTH=off
    with pytest.raises(FourEyes):
        require_may_decide(asked_by(ASKER), Caller(ASKER, Grants()))


def test_nobody_decides_about_what_the_database_says_is_overdue() -> None:
    case = replace(asked_by(EVERYBODY.principal), is_overdue=True)
    with pytest.raises(NotAwaitingApproval):
        require_may_decide(case, EVERYBODY)

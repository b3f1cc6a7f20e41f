"""Who may decide about a review."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.approval import Reviewed
from app.domain.errors import FourEyes
from app.domain.permissions import EVERYBODY, Caller, Grants, Principal, Role
from app.services.requests.case import Case, ReviewState, require_may_decide

ASKER = Principal("token a", roles=frozenset({Role.ADMIN}))


def asked_by(principal: Principal) -> Case:
    now = datetime.now(UTC)
    ends = now + timedelta(hours=1)
    review = ReviewState(UUID(int=1), "why", principal.name, now, ends, None, None, None, None)
    return Case(review, (), Reviewed((), principal.asks_as, {"team-a"}), principal, ["zone.test"])


def test_everybody_decides_about_what_everybody_has_asked_for() -> None:
    require_may_decide(asked_by(EVERYBODY.principal), EVERYBODY)  # as with AUTH=off
    with pytest.raises(FourEyes):
        require_may_decide(asked_by(ASKER), Caller(ASKER, Grants()))

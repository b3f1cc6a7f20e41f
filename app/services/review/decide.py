"""Approve or reject what waits for it."""

import json
from itertools import chain
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.database import transaction
from app.domain.approval import Verdict
from app.domain.effects import state_of
from app.domain.errors import NotAwaitingApproval, RequesterDenied, ReviewStale
from app.domain.permissions import Caller, Effect
from app.services import kicks
from app.services.access import audit
from app.services.plan.from_records import Planned
from app.services.requests.case import Case, get_case, require_may_decide
from app.services.requests.lookup import RequestState
from app.services.requests.lookup import state_of as request_state
from app.services.review.look import Look
from app.store import requests, reviews
from app.store.reviews import Approved

_REJECTED = "rejected"  # the code
_AUDITED_BYTES = 64 * 1024  # of what an approval changes: an entry says how much is left out


def approve(request_id: UUID, look: Look, caller: Caller, comment: str | None) -> RequestState:
    """Approve what was looked at; it is applied to that state only, behind what waits already.

    Raises ReviewStale where something of it was cancelled meanwhile, NotAwaitingApproval, NoApprover,
    FourEyes, RequesterDenied.
    """
    with transaction() as session:
        case = get_case(session, request_id, caller, lock=True)
        require_may_decide(case, caller)
        if [each.id for each in case.waiting] != [each.id for each in look.case.waiting]:
            raise ReviewStale
        _require_not_denied(case, caller)
        items = [
            Approved(waiting.id, state_of(planned.effect.before).as_json())
            for waiting, planned in zip(look.case.waiting, look.planned, strict=True)
            if isinstance(planned, Planned)
        ]
        _close(session, case, Verdict.APPROVED, caller, comment)  # first: only what is approved can be queued
        reviews.approve(session, items, _words("approved", caller, comment))
        audit.note(session, caller, "requests_approved", str(request_id), *_audited(look))
        state = _state(session, request_id)
    kicks.kick_zones({each.asked.zone for each in case.waiting})
    return state


def reject(request_id: UUID, caller: Caller, comment: str | None) -> RequestState:
    """Reject the request, and those that are reviewed with it.

    Raises RequestNotFound, NotAwaitingApproval, NoApprover, FourEyes.
    """
    with transaction() as session:
        case = get_case(session, request_id, caller, lock=True)
        require_may_decide(case, caller)
        words = _words("rejected", caller, comment)
        rejected = reviews.reject(session, case.review.id, _REJECTED, words)
        _close(session, case, Verdict.REJECTED, caller, comment)
        after = {"status": "rejected", "requests": sorted(map(str, rejected))[:100], "comment": comment}
        audit.note(session, caller, "requests_rejected", str(request_id), _waited(case), after)
        return _state(session, request_id)


def _require_not_denied(case: Case, caller: Caller) -> None:
    """Raise RequesterDenied where a grant denies by now what was asked for; an approval makes up for none."""
    for asked in chain.from_iterable((each.asked, *each.ptrs) for each in case.waiting):
        decision = caller.grants.decide(case.asker, asked)
        if decision.effect is Effect.DENY and decision.grant is not None:
            raise RequesterDenied(decision.why)


def _close(session: Session, case: Case, verdict: Verdict, caller: Caller, comment: str | None) -> None:
    review = reviews.lock(session, case.review.id)
    assert review is not None  # as it was found above, and none is ever removed
    reviews.close(session, review, verdict, caller.principal.name, comment)


def _words(verdict: str, caller: Caller, comment: str | None) -> str:
    return f"{verdict} by {caller.principal.name}" + (f": {comment}" if comment else "")


def _state(session: Session, request_id: UUID) -> RequestState:
    session.expire_all()
    row = requests.get(session, request_id)
    if row is None:
        raise NotAwaitingApproval("gone")
    return request_state(row)


def _waited(case: Case) -> dict[str, object]:
    """Return who has asked for what and why, for the audit."""
    asked = [
        [str(each.id), str(each.asked.action), each.asked.name, each.asked.type] for each in case.waiting
    ]
    why = sorted({(each.reason or "", each.ticket or "") for each in case.waiting})
    return {
        "status": "awaiting_approval",
        "asked_by": case.review.principal,
        "reviewed_for": case.review.why,
        "number": len(asked),
        "requests": asked[:100],
        "reasons": [list(each) for each in why if any(each)][:100],
    }


def _audited(look: Look) -> tuple[dict[str, object], dict[str, object]]:
    """Return what is there before the approved changes and after them, as far as an entry has room."""
    before, after = list[object](), list[object]()
    left = _AUDITED_BYTES
    for waiting, planned in zip(look.case.waiting, look.planned, strict=True):
        if isinstance(planned, Planned):
            states = [state_of(rrset).as_json() for rrset in (planned.effect.before, planned.effect.after)]
            left -= len(json.dumps(states))
            if left < 0:
                break
            before.append([str(waiting.id), states[0]])
            after.append([str(waiting.id), states[1]])
    return {**_waited(look.case), "rrsets": before}, {
        "status": "approved",
        "state": look.state,
        "rrsets": after,
    }

"""Look at what a review would change, as the servers have it now. What is approved is that state."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from app.core.database import reading
from app.domain.change import Outcome
from app.domain.effects import state_of
from app.domain.errors import NotApprovable, Reason
from app.domain.expectation import is_like
from app.domain.permissions import SERVICE, Caller
from app.domain.places import DOMAIN
from app.domain.reasons import MAX_BATCH_REASONS, at_most
from app.services.plan.apply import obstacles
from app.services.plan.from_records import Planned, plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.requests.case import Case, Waiting, get_case, require_may_decide
from app.services.requests.draft import Refused
from app.services.requests.honours import why_not_honoured


class Look(NamedTuple):
    """A review, what each of its requests would change, and what tells this from any other state."""

    case: Case
    planned: Sequence[Planned | Refused]
    state: str  # a digest


async def look_at(request_id: UUID, caller: Caller, *, to_decide: bool = False) -> Look:
    """Plan what the request, and those that are reviewed with it, would change, by the servers.

    Raises RequestNotFound, NotAwaitingApproval, ServersNotAsked, Overloaded; where it is `to_decide` also
    NoApprover, FourEyes.
    """
    case = await asyncio.to_thread(_read, request_id, caller, to_decide)
    changes = [each.change for each in case.waiting]
    by_records = await asyncio.to_thread(plan_from_records, changes, SERVICE, grants=caller.grants)
    planned = await plan_from_servers(by_records)
    return Look(case, planned, _digest(case, planned))


def require_approvable(look: Look) -> None:
    """Raise NotApprovable with all that would make requests fail, or that nobody knows."""
    with reading() as session:
        conditions = {"expect", "group"} if any(each.grouped for each in look.case.waiting) else {"expect"}
        zones = {each.asked.zone for each in look.case.waiting}
        against = [*why_not_honoured(session, dict.fromkeys(zones, conditions)).values()]
    if reasons := [*against, *obstacles(look.planned), *_failing(look)]:
        raise NotApprovable(at_most(MAX_BATCH_REASONS, reasons))


def _read(request_id: UUID, caller: Caller, to_decide: bool) -> Case:
    with reading() as session:
        case = get_case(session, request_id, caller)
    if to_decide:
        require_may_decide(case, caller)
    return case


def _failing(look: Look) -> Iterator[Reason]:
    for index, (waiting, item) in enumerate(zip(look.case.waiting, look.planned, strict=True)):
        if not isinstance(item, Planned):
            continue
        planned = item.effect.planned
        if planned.outcome == Outcome.FAILED:
            yield Reason(("requests", index), planned.code or "refused", planned.message or "it would fail")
        elif waiting.expect is not None and not _is_as_expected(waiting, item):
            message = f"{item.effect.change.key} is not as the request expects it"
            yield Reason(("requests", index, *DOMAIN), "state_changed", message)


def _is_as_expected(waiting: Waiting, item: Planned) -> bool:
    assert waiting.expect is not None
    return is_like(item.effect.change.type, state_of(item.effect.before), waiting.expect)


def _digest(case: Case, planned: Sequence[Planned | Refused]) -> str:
    """Return what differs where the requests, or an RRset before or after one of them, do."""
    seen = [[str(waiting.id), _seen(item)] for waiting, item in zip(case.waiting, planned, strict=True)]
    return sha256(json.dumps(seen).encode()).hexdigest()


def _seen(item: Planned | Refused) -> object:
    if isinstance(item, Refused):
        return [reason.code for reason in item.reasons]
    effect = item.effect
    ptrs = [
        [step.address, *step.change.place, step.change.action, step.change.target]
        for step in item.ptrs
        if step.change
    ]
    states = [state_of(rrset).as_json() for rrset in (effect.before, effect.after)]
    return [effect.planned.outcome, effect.planned.code, *states, ptrs]

"""Plan changes by the servers, the asking side: the API sends the changes to a worker and waits.

Only a worker has the inventory and the keys. Nothing is stored: the answer comes back over Redis, where it
expires, and the API does not wait for ever.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.logging import get_logger
from app.core.redis import BROKER_ERRORS
from app.domain.change import Change, Outcome, RRsetState
from app.domain.effects import PlannedOutcome, RRset, ZoneRRset
from app.domain.errors import HIDDEN_CODE, AnswerUnreadable, ServersNotAsked
from app.domain.expectation import after as state_after
from app.services.orders import collect
from app.services.plan import orders
from app.services.plan.from_records import Planned
from app.services.plan.orders import REPLY_KEY, Order
from app.services.requests.draft import Refused

log = get_logger(__name__)

Outcomes = Mapping[UUID, PlannedOutcome]

# What a worker says of each change: the fields of `PlannedOutcome`; whether it is simulated only if it is.
_Word = Literal["applied", "unchanged", "failed", "unknown", "would_be_sent"]
_Asked = tuple[_Word, str | None, str | None, RRsetState | None]
_Simulated = tuple[_Word, str | None, str | None, RRsetState | None, bool]
_ANSWER = TypeAdapter(dict[UUID, Annotated[_Asked | _Simulated, Field(union_mode="left_to_right")]])

_AT_ONCE = datetime.min.replace(tzinfo=UTC)


async def plan_from_servers(plan: Sequence[Planned | Refused]) -> list[Planned | Refused]:
    """Return the plan with the outcomes that the servers tell in place of those of the records.

    Raises ServersNotAsked when no worker answers within `PLAN_TIMEOUT`, AnswerUnreadable when one does so in
    another form, Overloaded when very many plans wait.
    """
    valid = [item for item in plan if isinstance(item, Planned)]
    valid.sort(key=lambda item: item.not_before or _AT_ONCE)
    outcomes = await ask_workers([item.effect.change for item in valid])
    return await asyncio.to_thread(_correct, plan, outcomes)


async def ask_workers(changes: Sequence[Change]) -> Outcomes:
    """Return what would become of each change, as a worker found out.

    Raises ServersNotAsked, AnswerUnreadable, Overloaded.
    """
    if not changes:
        return {}
    limit = settings().plan_timeout
    try:
        keys = await asyncio.to_thread(_send, changes, time.monotonic() + limit)
        answers = await asyncio.wait_for(collect(keys), limit)
    except TimeoutError:
        raise ServersNotAsked(f"no worker has answered within {limit:g} s; try again") from None
    except BROKER_ERRORS as error:
        log.warning("plan not made: Redis is unavailable; the client is told to try again", error=str(error))
        raise ServersNotAsked("the workers can't be reached now; try again") from error
    return await asyncio.to_thread(_read, answers, changes)


def _send(changes: Iterable[Change], until: float) -> list[str]:
    """Send each zone's changes to the workers; return the keys of the replies."""
    parts: dict[str, list[Change]] = {}
    for change in changes:
        parts.setdefault(change.zone, []).append(change)
    sent = [Order(zone, part, REPLY_KEY.format(id=uuid7()), until) for zone, part in parts.items()]
    orders.send(sent)
    return [order.reply_to for order in sent]


def _read(answers: Iterable[bytes], changes: Iterable[Change]) -> Outcomes:
    """Return what the answers say of these changes. Raises AnswerUnreadable."""
    found: dict[UUID, PlannedOutcome] = {}
    try:
        for answer in answers:
            for request_id, outcome in _ANSWER.validate_json(answer).items():
                found[request_id] = PlannedOutcome(*outcome)
    except ValidationError as error:
        raise _unreadable(error.errors(include_input=False)[0]["msg"]) from error
    if missing := sum(change.request_id not in found for change in changes):
        raise _unreadable(f"nothing is said of {missing} changes")
    return found


def _unreadable(why: str) -> AnswerUnreadable:
    log.warning(
        "plan not made: the answer of a worker can't be read, which may be of another release; the client is"
        " told to try again. Bring all processes to one release",
        error=why,
    )
    return AnswerUnreadable()


def _correct(plan: Iterable[Planned | Refused], outcomes: Outcomes) -> list[Planned | Refused]:
    """Return the items as the servers see them, and as the records have it what no server shows."""
    recorded: set[ZoneRRset] = set()
    corrected: list[Planned | Refused] = []
    for item in plan:
        if isinstance(item, Planned):
            change = item.effect.change
            if item.effect.before is not None:
                recorded.add((change.zone, change.key))
            outcome = outcomes[change.request_id]
            is_known = (change.zone, change.key) in recorded
            item = item if outcome.code == HIDDEN_CODE and is_known else _corrected(item, outcome)
        corrected.append(item)
    return corrected


def _corrected(item: Planned, outcome: PlannedOutcome) -> Planned:
    """Return the item as the servers see it: also what is there before it, where they say so."""
    effect = replace(item.effect, planned=outcome)
    if effect.planned.before is not None:
        before, after = effect.planned.before, state_after(effect.change, effect.planned.before)
        effect = replace(effect, before=_rrset(before), after=_rrset(after), before_is_known=True)
    if effect.planned.outcome == Outcome.FAILED:
        effect = replace(effect, after=effect.before)
    return replace(item, effect=effect, by="simulation" if outcome.is_simulated else "servers")


def _rrset(state: RRsetState) -> RRset | None:
    return RRset(state.ttl, tuple(sorted(state.rdata))) if state.rdata else None

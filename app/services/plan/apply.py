"""Apply a plan: submit exactly what was shown, each change with the state that it was planned on.

Whether that state is still there is looked up before anything is stored; what moves afterwards the servers
find: each change expects the RRset that it was planned on (compare and set).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.database import reading, transaction
from app.domain.change import Action
from app.domain.effects import UNKNOWN, ZoneRRset, state_of
from app.domain.errors import HIDDEN_CODE, MovedRRset, PlanStale, Reason, ServersNotAsked
from app.domain.expectation import is_like
from app.domain.permissions import SERVICE, Caller
from app.domain.reasons import MAX_BATCH_REASONS, at_most
from app.services.access import audit
from app.services.plan.from_records import Planned, plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.plan.keep import Plan
from app.services.requests.backlog import Backlog
from app.services.requests.draft import RawChange, Refused
from app.services.requests.submission import Accepted, Submitted
from app.services.requests.submit import batch_refused, submit
from app.services.requests.validate import read_changes
from app.store import plans
from app.store.requests import NewBatch


def require_applicable(plan: Plan) -> None:
    """Raise BatchRefused with all that speaks against applying it: items that are refused or unknown."""
    if reasons := list(obstacles(plan.planned)):
        raise batch_refused(at_most(MAX_BATCH_REASONS, reasons))


async def require_fresh(plan_id: UUID, plan: Plan, caller: Caller | None = None) -> None:
    """Look at what is there now, by the records or the servers, whichever the plan was made from.

    Raises PlanStale with the RRsets that have moved, BatchRefused when an item would be refused by now, and
    what `plan_from_servers` raises. A plan that has been applied meanwhile need not be fresh.
    """
    now = await asyncio.to_thread(plan_from_records, _pinned(plan), caller)
    if plan.ask_servers:
        now = await plan_from_servers(now)
    await asyncio.to_thread(_compare, plan_id, plan, now)


def submit_plan(
    plan_id: UUID,
    plan: Plan,
    backlog: Backlog,
    caller: Caller | None = None,
    *,
    allow_mass_change: bool,
) -> list[Submitted]:
    """Store all the plan's changes, or none; as a group, if they can be one. Answer what is stored again.

    Raises BatchRefused, MassChange, BacklogFull.
    """
    drafts = read_changes(list(_expecting(plan_id, plan)), caller)
    batch = NewBatch(uuid7())
    with transaction() as session:
        allowed = allow_mass_change or plan.allow_mass_change
        results = submit(
            session,
            drafts,
            atomic=True,
            grouped=plan.is_grouped,
            allow_mass_change=allowed,
            batch=batch,
            backlog=backlog,
        )
        plans.mark_applied(session, plan_id, batch.id)
        if plan.left is not None and (new := [each for each in results if isinstance(each, Accepted)]):
            zone = new[0].request.zone
            after = {"plan": str(plan_id), "batch": str(batch.id), "requests": len(new)}
            audit.note(session, caller or SERVICE, "rollback_applied", zone, after=after)
    return list(map(_as_shown, results, plan.planned))


def _as_shown(result: Submitted, planned: Planned | Refused) -> Submitted:
    """Return the result with those of its warnings that the plan has shown: a rollback leaves some out."""
    if not isinstance(result, Accepted) or not isinstance(planned, Planned):
        return result
    shown = planned.effect.warnings
    return result._replace(warnings=[each for each in result.warnings if each in shown])


def obstacles(planned: Sequence[Planned | Refused]) -> Iterator[Reason]:
    """Yield what speaks against applying these: the reasons against items, and what is not known."""
    for index, item in enumerate(planned):
        if isinstance(item, Refused):
            yield from (reason._replace(loc=("requests", index, *reason.loc)) for reason in item.reasons)
        elif item.effect.planned.outcome == UNKNOWN:
            yield _before_unknown(index, item)


def _before_unknown(index: int, item: Planned) -> Reason:
    way = "plan with ask_servers" if item.by == "records" else "plan again"
    return Reason(("requests", index), "before_unknown", f"what is there is not known: {way}")


def _pinned(plan: Plan) -> list[RawChange]:
    """Return the items with the TTLs that they were planned with, whatever the zone's default is by now.

    But for items with a key of their own: it stands for what was sent.
    """
    return [
        item
        if item.action is Action.DELETE or item.idempotency_key
        else item._replace(body=_with_ttl(item.body, each))
        for item, each in zip(plan.items, plan.planned, strict=True)
        if isinstance(each, Planned)
    ]


def _with_ttl(body: Any, planned: Planned) -> Mapping[str, Any]:
    resource = body["resource"]
    config = {**resource.get("config", {}), "ttl": planned.effect.change.ttl}
    return {**body, "resource": {**resource, "config": config}}


def _expecting(plan_id: UUID, plan: Plan) -> Iterator[RawChange]:
    """Yield the items as they are submitted: each expects what it was planned on, and is accepted once."""
    planned = [item for item in plan.planned if isinstance(item, Planned)]
    for index, (item, each) in enumerate(zip(_pinned(plan), planned, strict=True)):
        key = item.idempotency_key or f"plan:{plan_id}#{index}"
        yield item._replace(idempotency_key=key, expect=state_of(each.effect.before))


def _compare(plan_id: UUID, plan: Plan, now: Sequence[Planned | Refused]) -> None:
    moved: dict[ZoneRRset, MovedRRset] = {}
    refused: list[Reason] = []
    for index, (was, item) in enumerate(zip(plan.planned, now, strict=True)):
        if isinstance(item, Refused):
            refused += (reason._replace(loc=("requests", index, *reason.loc)) for reason in item.reasons)
        elif item.effect.planned.code == HIDDEN_CODE:  # since it was planned: to try again shows no more
            refused.append(_before_unknown(index, item))
        elif isinstance(was, Planned) and (found := _moved(was, item)):
            moved.setdefault((found.zone, found.key), found)
    if (moved or refused) and not _is_applied(plan_id):
        if moved:
            raise PlanStale(list(moved.values()))
        raise batch_refused(at_most(MAX_BATCH_REASONS, refused))


def _moved(was: Planned, item: Planned) -> MovedRRset | None:
    if item.by != "records" and item.effect.planned.outcome == UNKNOWN:
        raise ServersNotAsked("the servers can't be asked now: plan again to see why")
    change, now = was.effect.change, item.effect.change
    before, there = state_of(was.effect.before), state_of(item.effect.before)
    if is_like(change.type, there, before) and now.zone == change.zone:
        return None
    return MovedRRset(change.zone, change.key, before, there)


def _is_applied(plan_id: UUID) -> bool:
    with reading() as session:
        return plans.batch_of(session, plan_id) is not None

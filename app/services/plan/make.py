"""Make a plan of changes, and submit exactly a plan: what every door does with plans."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Caller
from app.services.plan.apply import require_applicable, require_fresh, submit_plan
from app.services.plan.from_records import Planned, plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.plan.keep import KeptPlan, Plan, get_plan
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers, Call, read_items
from app.services.requests.submission import Submitted

MAX_PLANNED_ZONES = 100  # whose servers one plan asks: each is a run


class How(NamedTuple):
    """How the changes of a plan are to be applied, and who is asked what is there."""

    atomic: bool = False
    allow_mass_change: bool = False
    ask_servers: bool = False


def plan_by_records(items: Sequence[Mapping[str, Any]], call: Call, how: How) -> Plan:
    """Plan the items of a batch by the records. Raises InvalidInput, MassChange."""
    raw = read_items(items, call)
    planned = plan_from_records(raw, call.caller, allow_mass_change=how.allow_mass_change)
    zones = {item.effect.change.zone for item in planned if isinstance(item, Planned)}
    if how.ask_servers and len(zones) > MAX_PLANNED_ZONES:
        message = f"{len(zones)} zones, the servers of {MAX_PLANNED_ZONES} can be asked in one call"
        raise InvalidInput([Reason(("requests",), "too_many_zones", message)])
    return Plan(raw, planned, how.atomic, how.allow_mass_change, how.ask_servers)


def plan_again(plan: Plan, caller: Caller, *, ask_servers: bool) -> Plan:
    """Plan by the records of now what a kept plan has asked for. Raises MassChange."""
    allowed = plan.allow_mass_change
    planned = plan_from_records(plan.items, caller, allow_mass_change=allowed)
    return replace(plan, planned=planned, ask_servers=ask_servers)


async def ask_servers_of(plan: Plan) -> Plan:
    """Return the plan as the DNS servers see it, where it is to be asked of them."""
    if not plan.ask_servers:
        return plan
    return replace(plan, planned=await plan_from_servers(plan.planned))


async def apply_kept(
    plan_id: UUID, caller: Caller, workers: BodyWorkers, backlog: Backlog, *, allow_mass_change: bool = False
) -> Sequence[Submitted]:
    """Submit all that a kept plan shows, or nothing. It is applied once: again gets the same requests.

    Raises PlanNotFound, BatchRefused, PlanStale, MassChange, BacklogFull.
    """
    kept = await workers.run(partial(_get_applicable, plan_id, caller))
    if kept.batch_id is None:
        await require_fresh(plan_id, kept.plan, caller)
    store = partial(submit_plan, plan_id, kept.plan, backlog, caller, allow_mass_change=allow_mass_change)
    return await workers.run(store)


def _get_applicable(plan_id: UUID, caller: Caller) -> KeptPlan:
    kept = get_plan(plan_id, caller)
    require_applicable(kept.plan)
    return kept

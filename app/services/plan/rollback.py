"""Roll a zone back: plan what takes back everything that requests have done since a time.

What somebody else has done stays, and so does what can't be taken back: it is named, with the reason.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import reading
from app.domain import schedule
from app.domain.change import Outcome, RRsetKey, RRsetState
from app.domain.effects import UNKNOWN, state_of
from app.domain.errors import (
    HIDDEN_CODE,
    DomainError,
    InvalidInput,
    NothingToUndo,
    Reason,
    ServersNotAsked,
    ZoneNotFound,
)
from app.domain.expectation import is_like
from app.domain.inverse import Done, Inverse, NetEffect, net_effects, take_back
from app.domain.permissions import Caller
from app.domain.places import DOMAIN
from app.domain.ptr import ADDRESS_TYPES
from app.domain.read_zone import read_zone_key
from app.domain.rollback_order import in_order
from app.domain.warnings import OF_VALUES
from app.services.plan.from_records import Planned, plan_from_records
from app.services.plan.from_servers import plan_from_servers
from app.services.plan.keep import KeptPlan, Left, Plan, keep
from app.services.plan.mass_change import warn_of_mass_change
from app.services.requests.draft import RawChange, Refused
from app.services.requests.ptr import Restored, keep_ptrs_again
from app.services.requests.restoring import restoring_change
from app.store import rollback as store
from app.store import zones

MAX_DONE = 100_000  # requests that a rollback looks at
MAX_OCTETS = 64 * 1024 * 1024  # of their values
MAX_ROUNDS = 4  # of questions to the servers
_OPEN = Reason(
    DOMAIN, "open_requests", "requests for it are open: wait until they are settled, or cancel them"
)


@dataclass(frozen=True, slots=True)
class RollbackOrder:
    """The time to go back to, who asks, and why; what is None is as in the last request of each RRset.

    Where the servers are to be asked, what the records show decides nothing.
    """

    to: datetime
    account_id: str | None = None
    source: str | None = None
    comment: str | None = None
    by_servers: bool = False
    caller: Caller | None = None
    not_before: datetime | None = None
    reason: str | None = None
    ticket: str | None = None


class Rollback(NamedTuple):
    """The changes that take back what was done, what each would do and expects, and what stays."""

    items: list[RawChange]
    planned: list[Planned]
    expected: list[RRsetState]
    left: list[Left]


@dataclass(slots=True)
class _Candidates:
    """What may be taken back, and what can't be."""

    inverses: dict[RRsetKey, tuple[Inverse, Done]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    with_ptrs: set[RRsetKey] = field(default_factory=set)  # whose PTRs are kept again


def plan_rollback(zone: str, order: RollbackOrder) -> Rollback:
    """Plan what takes back everything that was done in the zone since that time through us.

    Where the servers are to be asked, `ask_servers` comes next.

    Raises ZoneNotFound, InvalidInput for a time that has not come, or since which too much was done, and for
    one that is too far ahead to schedule anything.
    """
    if reasons := list(_against_times(order, datetime.now(UTC))):
        raise InvalidInput(reasons)
    try:
        zone = read_zone_key(zone)
    except DomainError as error:
        raise ZoneNotFound(zone) from error
    with reading() as session:
        if zones.get(session, zone) is None:
            raise ZoneNotFound(zone)
        candidates = _find(session, zone, order.to)
    return _plan(zone, candidates, order)


def _against_times(order: RollbackOrder, now: datetime) -> Iterator[Reason]:
    if order.to > now:
        yield Reason(("to",), "time_not_past", "there is nothing to take back after now")
    if order.not_before and (reason := schedule.why_not(order.not_before, now)):
        yield reason


async def ask_servers(found: Rollback) -> Rollback:
    """Return the rollback as the servers see it: what was changed beside us stays as it is.

    What stays may be in the way of others. So the servers are asked again about the rest, a few times.

    Raises ServersNotAsked, Overloaded.
    """
    for _ in range(MAX_ROUNDS):
        planned = await plan_from_servers(found.planned)
        rest = await asyncio.to_thread(_without_obstacles, found, planned)
        if not rest.items or len(rest.items) == len(found.items):
            return rest
        found = rest
    return found


def keep_rollback(found: Rollback, *, servers_asked: bool) -> KeptPlan:
    """Keep the plan of a rollback, unless there is nothing to apply."""
    planned = warn_of_mass_change(found.planned)
    plan = Plan(found.items, planned, ask_servers=servers_asked, apart=True, left=found.left)
    return keep(plan) if found.items else KeptPlan(plan, None, None)


def _without_obstacles(found: Rollback, seen: Sequence[Planned | Refused]) -> Rollback:
    kept = Rollback([], [], [], [*found.left])
    for item, planned, expected in zip(found.items, seen, found.expected, strict=True):
        assert isinstance(planned, Planned)  # as the servers were asked
        outcome = planned.effect.planned
        if outcome.code == HIDDEN_CODE:
            reason: Reason | None = Reason(DOMAIN, "state_unknown", outcome.message or "")
        elif outcome.outcome == UNKNOWN:
            raise ServersNotAsked(f"the servers can't be asked now: {outcome.message}")
        else:
            reason = _obstacle(expected, planned)
        if reason:
            kept.left.append(Left(planned.effect.change.key, reason))
        else:
            kept.items.append(item)
            kept.planned.append(planned)
            kept.expected.append(expected)
    return kept._replace(left=sorted(kept.left))


def _find(session: Session, zone: str, since: datetime) -> _Candidates:
    with closing(store.list_done(session, zone, since, MAX_DONE + 1)) as done:
        effects = net_effects(_bounded(done))
    limit = settings().max_batch_items
    if len(effects) > limit:
        raise _too_much(f"more than {limit} RRsets")
    queued = store.list_queued(session, zone, MAX_DONE)
    found = _Candidates()
    for key, net in effects.items():
        inverse = _OPEN if key in queued else take_back(net)
        if isinstance(inverse, Inverse):
            found.inverses[key] = (inverse, net.last)
        elif inverse.code != NothingToUndo.code:
            found.left.append(Left(key, inverse))
    found.with_ptrs = _with_ptrs(session, zone, found.inverses, effects)
    return found


def _with_ptrs(
    session: Session,
    zone: str,
    inverses: Mapping[RRsetKey, tuple[Inverse, Done]],
    effects: Mapping[RRsetKey, NetEffect],
) -> set[RRsetKey]:
    """Return those RRsets of addresses whose PTRs have gone, or were changed, with what is taken back."""
    restored = {
        key: Restored(zone, key.name, inverse.restored.rdata, effects[key].request_ids)
        for key, (inverse, _) in inverses.items()
        if key.type in ADDRESS_TYPES and inverse.restored.rdata
    }
    again = keep_ptrs_again(session, list(restored.values())) if restored else ()
    return {key for key, is_kept in zip(restored, again, strict=True) if is_kept}


def _bounded(done: Iterable[Done]) -> Iterator[Done]:
    """Yield what was done. Raises InvalidInput where it is too much."""
    octets = 0
    for number, each in enumerate(done, 1):
        octets += sum(len(value) for state in (each.before, each.after) if state for value in state.rdata)
        if number > MAX_DONE or octets > MAX_OCTETS:
            raise _too_much(f"more than {MAX_DONE} requests, or than {MAX_OCTETS >> 20} MB of values")
        yield each


def _too_much(what: str) -> InvalidInput:
    message = f"{what} to take back: choose a later time"
    return InvalidInput([Reason(("to",), "rollback_too_large", message)])


def _plan(zone: str, found: _Candidates, order: RollbackOrder) -> Rollback:
    """Plan the inverses; those that would fail stay out, and the others are planned without them."""
    why_not = _refusal if order.by_servers else _obstacle
    keys = in_order(zone, {key: inverse for key, (inverse, _) in found.inverses.items()})
    while True:
        items = [_item(zone, key, found, order) for key in keys]
        planned = plan_from_records(items, order.caller) if items else []
        obstacles = {
            key: reason
            for key, each in zip(keys, planned, strict=True)
            if (reason := why_not(found.inverses[key][0].expect, each))
        }
        if not obstacles:
            whole = [_without_old_news(each) for each in planned if isinstance(each, Planned)]
            expected = [found.inverses[key][0].expect for key in keys]
            return Rollback(items, whole, expected, sorted(found.left))
        found.left += (Left(key, reason) for key, reason in obstacles.items())
        keys = [key for key in keys if key not in obstacles]


def _without_old_news(item: Planned) -> Planned:
    """Return the item without what is said of its values alone: they were there."""
    warnings = tuple(warning for warning in item.effect.warnings if warning.code not in OF_VALUES)
    return replace(item, effect=replace(item.effect, warnings=warnings))


def _refusal(_: RRsetState, item: Planned | Refused) -> Reason | None:
    """Return the rule that is against this."""
    return item.reasons[0] if isinstance(item, Refused) else None


def _obstacle(expected: RRsetState, item: Planned | Refused) -> Reason | None:
    """Return why this can't be taken back, as the plan shows it."""
    if isinstance(item, Refused):
        return item.reasons[0]
    before = item.effect.before
    if not is_like(item.effect.change.type, state_of(before), expected):
        message = f"by the {item.by} it is not as the last request has made it"
        return Reason(DOMAIN, "changed_outside", message)
    planned = item.effect.planned
    if planned.outcome == Outcome.FAILED:
        return Reason(DOMAIN, planned.code or "refused", planned.message or "")
    return None


def _item(zone: str, key: RRsetKey, found: _Candidates, order: RollbackOrder) -> RawChange:
    inverse, last = found.inverses[key]
    return restoring_change(
        zone,
        key,
        inverse,
        account_id=order.account_id or last.account_id,
        source=order.source,
        not_before=order.not_before,
        comment=order.comment,
        reason=order.reason,
        ticket=order.ticket,
        extra_config=last.extra_config,
        keeps_ptrs=key in found.with_ptrs,
    )

"""Plan changes by the records: what they would do, without storing or changing anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.database import reading
from app.domain.change import Change, Outcome, RRsetKey
from app.domain.checks import Checks
from app.domain.consequences import MayName, may_concern_others, targets, with_consequences
from app.domain.delegations import hosts_at_cuts, with_delegations
from app.domain.effects import NO_ADDRESS, Effect, RRset, ZoneRRset, effects, state_of, targets_in_zone
from app.domain.names import lineages
from app.domain.permissions import Caller, Grants, Principal
from app.domain.ptr import PtrStep, may_remove_address
from app.services.requests.draft import RawChange, Refused, ValidChange
from app.services.requests.ptr import Parent, concerned, plan_ptrs
from app.services.requests.submit import place, require_no_mass_change
from app.services.requests.validate import read_changes
from app.store import imports, records, zones
from app.store.models import Record

MAX_AROUND = 20_000  # records of the zones concerned in which a plan looks for what a change breaks


@dataclass(frozen=True, slots=True)
class Planned:
    """What one change would do, and who says so: the records, the servers, or the simulation of these."""

    effect: Effect
    by: Literal["records", "servers", "simulation"] = "records"
    not_before: datetime | None = None  # when it would be queued; None: at once
    ptrs: tuple[PtrStep, ...] = ()  # what is done for the PTRs of its addresses once it has succeeded
    review: str | None = None  # why somebody would have to approve it; None: nobody


def plan_from_records(
    raw: Sequence[RawChange],
    caller: Caller | None = None,
    *,
    allow_mass_change: bool = True,
    grants: Grants | None = None,
) -> list[Planned | Refused]:
    """Validate these changes, and return what each would change, applied to the records of now.

    They are applied in the order given; those that would be scheduled after the others, by their times.
    `grants` say of what requesters may be told: the caller's unless others are given. Raises MassChange.
    """
    drafts = read_changes(raw, caller)
    with reading() as session:
        placed = place(session, drafts)
        if not allow_mass_change:
            require_no_mass_change(session, placed)
        now = datetime.now(UTC)
        valid = [item for item in placed if isinstance(item, ValidChange)]
        valid.sort(key=lambda item: max(item.not_before or now, now))
        changes = [_change(item) for item in valid]
        pointed_to = set(chain(*map(targets_in_zone, changes), *map(targets, changes)))
        above = lineages(change.name for change in changes)
        names = above | pointed_to | {f"*.{name}" for name in above}
        at_names = records.at_names(session, names)
        known = _known(at_names)
        if left := hosts_at_cuts(changes, known) - names:
            known |= _known(records.at_names(session, islice(left, MAX_AROUND)))
        served = zones.serving(session, above | lineages(pointed_to))
        concerned = {change.zone for change in changes if may_concern_others(change)}
        rows = records.of_zones(session, concerned, MAX_AROUND) if concerned else ()
        around = known | _known(rows)
        whole = imports.imported(session, {change.zone for change in changes})
    if grants is None and caller is not None and not caller.unrestricted:
        grants = caller.grants
    may_name = None if grants is None else _may_name(grants, valid, [*at_names, *rows])
    planned = with_consequences(effects(changes, known, whole), around, served, may_name)
    planned = with_delegations(planned, known, served)
    found = dict(zip(map(id, valid), planned, strict=True))
    ptrs = _ptrs(valid, found, now)
    return [
        item if isinstance(item, Refused) else _planned(item, found[id(item)], ptrs.get(id(item), ()), now)
        for item in placed
    ]


def _ptrs(
    valid: Iterable[ValidChange], found: Mapping[int, Effect], now: datetime
) -> Mapping[int, Sequence[PtrStep]]:
    """Return what is done for PTRs, by the key of each change that would not fail.

    That is what changes ask for, and the removal of those whose addresses go.
    """
    parents: dict[UUID, tuple[int, Parent]] = {}
    for item in valid:
        effect, asked = found[id(item)], bool(item.asked["config"].get("manage_ptr"))
        if effect.planned.outcome != Outcome.FAILED and (asked or may_remove_address(effect.change)):
            not_before = _later_than(now, item)
            parent = Parent(effect.change, state_of(effect.before), asked=asked, not_before=not_before)
            parents[effect.change.request_id] = (id(item), parent)
    if not parents:
        return {}
    with reading() as session:
        left = concerned(session, [parent for _, parent in parents.values()])
        steps = plan_ptrs(session, left) if left else []
    planned: dict[int, list[PtrStep]] = {}
    for parent, step in steps:
        planned.setdefault(parents[parent.change.request_id][0], []).append(step)
    return planned


def _planned(valid: ValidChange, effect: Effect, ptrs: Sequence[PtrStep], now: datetime) -> Planned:
    warnings = effect.warnings
    if valid.settings.checks is Checks.OFF:
        warnings = tuple(warning for warning in warnings if warning.code != NO_ADDRESS)
    of_ptrs = (warning for step in ptrs for warning in step.warnings)
    warned = replace(effect, warnings=(*valid.warnings, *warnings, *of_ptrs))
    review = valid.review.why if valid.review else None
    return Planned(warned, not_before=_later_than(now, valid), ptrs=tuple(ptrs), review=review)


def _later_than(now: datetime, valid: ValidChange) -> datetime | None:
    """Return when a change that is scheduled is queued; None: at once."""
    return valid.not_before if valid.not_before and valid.not_before > now else None


def _may_name(grants: Grants, valid: Iterable[ValidChange], rows: Iterable[Record]) -> MayName:
    """Return what tells of which RRsets whoever may see the plan may be told.

    Those are the accounts in whose names it is asked for, whoever has asked: they all may see it.
    """
    accounts = frozenset(item.account_id for item in valid)
    whose = {(row.zone, RRsetKey(row.name, row.record_type)): {row.account_id, row.owner} for row in rows}
    asker = Principal("whoever may see the plan", accounts)

    def may_name(place: ZoneRRset) -> bool:
        zone, key = place
        known = whose.get(place)
        return (
            known is None or not accounts.isdisjoint(known) or grants.covers(asker, zone, key.name, key.type)
        )

    return may_name


def _known(rows: Iterable[Record]) -> dict[ZoneRRset, RRset]:
    return {
        (row.zone, RRsetKey(row.name, row.record_type)): RRset(row.ttl, tuple(sorted(row.rdata)))
        for row in rows
    }


def _change(valid: ValidChange) -> Change:
    return Change(
        request_id=uuid7(),
        action=valid.action,
        zone=valid.zone,
        name=valid.name,
        type=valid.record_type.value,
        ttl=valid.ttl,
        rdata=tuple(valid.rdata),
        comment=valid.comment,
        extra_config=valid.extra_config,
    )

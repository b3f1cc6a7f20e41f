"""What changes do to the records that we know: each RRset before and after each change."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple

from app.domain import values
from app.domain.alone import why_not_together
from app.domain.change import NOTHING, Action, Change, Outcome, RRsetKey, RRsetState
from app.domain.errors import Reason
from app.domain.expectation import NO_RRSET, Expectation, is_unexpected
from app.domain.names import is_below, lineage
from app.domain.zone_record import KEPT_AT_APEX

# Outcomes besides those of the playbook contract.
UNKNOWN = "unknown"
WOULD_BE_SENT = "would_be_sent"  # the server would be asked to: what its policy refuses, nobody knows before

_LAST_NS = "apex_ns_last"
_AT_CUT = ("NS", "DS")  # what the parent's servers show of a delegation: RFC 1034 4.3.2, RFC 4035 3.1.4.1

NO_ADDRESS = "target_without_address"  # the code of a warning

ZoneRRset = tuple[str, RRsetKey]  # with the zone, since a name can be in two: NS at a zone cut


class RRset(NamedTuple):
    """An RRset's TTL in seconds (None: not known) and its values, in canonical form and order."""

    ttl: int | None
    rdata: tuple[str, ...]


def state_of(rrset: RRset | None) -> RRsetState:
    """Return the RRset, or that there is none, as a change expects it and a request keeps it."""
    return RRsetState(*rrset) if rrset else NOTHING


@dataclass(frozen=True, slots=True)
class PlannedOutcome:
    """What would become of a change: an outcome of the playbook contract, "would_be_sent" or "unknown".

    `before` is the RRset that a server has shown when it was the change's turn, where one was asked; the
    simulation tells it by the records, and asks none.
    """

    outcome: str
    code: str | None = None
    message: str | None = None
    before: RRsetState | None = None
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """A change, the RRset before and after it (None: there is none), and what would become of the change.

    Where it is not known what is there before it, `before` is None because nothing is recorded.
    """

    change: Change
    before: RRset | None
    after: RRset | None
    planned: PlannedOutcome
    warnings: tuple[Reason, ...] = ()
    before_is_known: bool = True


def effects(
    changes: Iterable[Change], known: Mapping[ZoneRRset, RRset], whole: Container[str] = ()
) -> list[Effect]:
    """Return the effect of each change, applied in the order given on top of the `known` records.

    Records hold only what requests have changed: the servers may have more. Of the zones that are known as a
    `whole` they hold all but what the server keeps by itself.
    """
    names: dict[tuple[str, str], dict[str, RRset]] = {}
    for (zone, key), rrset in known.items():
        names.setdefault((zone, key.name), {})[key.type] = rrset
    found: list[Effect] = []
    changed: set[ZoneRRset] = set()  # by an earlier one of the changes
    for change in changes:
        is_kept = change.name == change.apex and change.type in KEPT_AT_APEX
        is_whole = change.zone in whole and not is_kept
        is_known = is_whole or (change.zone, change.key) in changed
        effect = _apply_with_warnings(change, names, is_known=is_known)
        if is_whole and effect.planned.outcome == UNKNOWN:
            effect = replace(effect, after=effect.before, planned=_known_to_fail(change))
            _put(names[change.zone, change.name], change.type, effect.before)
        if effect.planned.outcome in (Outcome.APPLIED, UNKNOWN):
            changed.add((change.zone, change.key))
        found.append(effect)
    return found


def _apply_with_warnings(
    change: Change, names: dict[tuple[str, str], dict[str, RRset]], *, is_known: bool
) -> Effect:
    warnings = tuple(_warnings(change, names))
    at_name = names.setdefault((change.zone, change.name), {})
    if obstacle := _obstacle_around(change, names):
        before = at_name.get(change.type)
        return Effect(change, before, before, obstacle, warnings, before is not None or is_known)
    effect = apply(change, at_name)
    effect = replace(effect, warnings=warnings, before_is_known=effect.before is not None or is_known)
    if effect.before is None and change.action is Action.DELETE and not is_known:
        return replace(effect, planned=_delete_of_unrecorded(change, at_name) or effect.planned)
    return effect


def _put(at_name: dict[str, RRset], record_type: str, rrset: RRset | None) -> None:
    at_name.pop(record_type, None)
    if rrset is not None:
        at_name[record_type] = rrset


def _known_to_fail(change: Change) -> PlannedOutcome:
    """Say why a change fails that only RRsets which are not recorded could have let succeed."""
    if change.action is Action.UPDATE:
        return PlannedOutcome(Outcome.FAILED, "rrset_missing", f"there is no {change.key} to update")
    message = f"{change.name} has no NS, and a DS is at a delegation alone"
    return PlannedOutcome(Outcome.FAILED, "ds_without_ns", message)


def _delete_of_unrecorded(change: Change, at_name: Mapping[str, RRset]) -> PlannedOutcome | None:
    """Say what is not known of a delete; None where a CNAME, or what excludes one, leaves no doubt."""
    if at_name and "CNAME" in (change.type, *at_name):
        return None
    message = f"no {change.key} is recorded: whether the servers have one is not known"
    if change.key == (change.apex, "NS"):
        return PlannedOutcome(UNKNOWN, _LAST_NS, f"{message}, and of the zone's own NS one must stay")
    return PlannedOutcome(UNKNOWN, None, message)


def _obstacle_around(
    change: Change, names: Mapping[tuple[str, str], Mapping[str, RRset]]
) -> PlannedOutcome | None:
    """Say why the change would fail for a DNAME (RFC 6672 2.3, 2.4): above it, or at a delegation."""
    if change.action is Action.DELETE:
        return None
    apex = change.apex
    if change.name != apex:
        for parent in lineage(change.name.partition(".")[2]):
            if "DNAME" in names.get((change.zone, parent), ()):
                message = f"{change.name} is below the DNAME {parent}: nobody would ever see the data"
                return PlannedOutcome(Outcome.FAILED, "below_dname", message)
            if parent == apex:
                break
        excluded = {"NS": "DNAME", "DNAME": "NS"}.get(change.type)
        if excluded in names.get((change.zone, change.name), ()):
            message = f"{change.name} has {excluded} records, and only the apex can have both NS and DNAME"
            return PlannedOutcome(Outcome.FAILED, "dname_beside_ns", message)
    return None


def _warnings(change: Change, names: Mapping[tuple[str, str], Mapping[str, RRset]]) -> Iterator[Reason]:
    """Warn of what a delegation covers, so that it can't be seen, and of hosts without address."""
    apex = change.apex
    for parent in takewhile(lambda name: name != apex, lineage(change.name)):
        cut = names.get((change.zone, parent), {}).get("NS")
        if cut is None or (change.name == parent and change.type in _AT_CUT):
            continue
        if change.type not in ("A", "AAAA") or f"{change.name}." not in cut.rdata:
            message = f"it lies at or below the delegation {parent}: no server shows it, none can verify it"
            yield Reason(("resource", "domain"), "not_visible", message)
            break
    for host in targets_in_zone(change):
        if not {"A", "AAAA", "CNAME"} & names.get((change.zone, host), {}).keys():
            message = f"no address of {host} is recorded: servers that check integrity refuse it without one"
            yield Reason(("resource", "target"), NO_ADDRESS, message)


def targets_in_zone(change: Change) -> list[str]:
    """Return the hosts of the zone that BIND's `check-integrity` wants to have an address."""
    if change.action is Action.DELETE or not (change.type == "MX" or change.key == (change.apex, "NS")):
        return []
    apex = change.apex
    hosts = (value.rpartition(" ")[2].removesuffix(".") for value in change.rdata)
    return [host for host in hosts if host == apex or (host and is_below(host, apex))]


def apply(change: Change, at_name: dict[str, RRset]) -> Effect:
    """Apply the change to the RRsets at its owner name, by type: they are changed in place."""
    before = at_name.get(change.type)
    obstacle = _obstacle(change, at_name)
    if obstacle is not None and obstacle.outcome != UNKNOWN:
        return Effect(change, before, before, obstacle)
    after = _after(change, before)
    if after is not None and (reason := why_not_together(change.type, after.rdata)):
        planned = PlannedOutcome(
            Outcome.FAILED, reason.code, f"{change.key} is there already: {reason.message}"
        )
        return Effect(change, before, before, planned)
    if before and after is None and change.key == (change.apex, "NS"):
        message = f"{change.name} must keep at least one NS (RFC 2136 3.4.2.4)"
        return Effect(change, before, before, PlannedOutcome(Outcome.FAILED, _LAST_NS, message))
    _put(at_name, change.type, after)
    same = PlannedOutcome(Outcome.UNCHANGED, None, "the RRset is so already")
    planned = same if _is_same(change.type, before, after) else PlannedOutcome(Outcome.APPLIED)
    return Effect(change, before, after, obstacle or planned)


def _obstacle(change: Change, at_name: Mapping[str, RRset]) -> PlannedOutcome | None:
    """Say why the change would fail, or might."""
    if change.expect is not None and is_unexpected(
        change, change.expect, RRsetState(*at_name.get(change.type, NOTHING))
    ):
        message = f"what is at {change.key} is not what was expected"
        return PlannedOutcome(Outcome.FAILED, "state_changed", message)
    before = at_name.get(change.type)
    if change.action is Action.DELETE:
        is_cut = change.type == "NS" and change.name != change.apex
        if is_cut and before is not None and "DS" in at_name and _after(change, before) is None:
            message = f"{change.name} has a DS, and that is at a delegation alone: remove it first"
            return PlannedOutcome(Outcome.FAILED, "ds_without_ns", message)
        return None
    if change.action is Action.UPDATE and before is None:
        message = f"no {change.key} is recorded: it fails unless the servers have one"
        return PlannedOutcome(UNKNOWN, None, message)
    others = at_name.keys() - {change.type}
    if others and "CNAME" in (change.type, *others):
        message = f"nothing may be beside a CNAME at {change.name}"
        return PlannedOutcome(Outcome.FAILED, "cname_conflict", message)
    if change.type == "DS" and "NS" not in others:
        message = f"no NS of {change.name} is recorded: a DS fails unless the servers have one"
        return PlannedOutcome(UNKNOWN, "ds_without_ns", message)
    differs = before is not None and set(before.rdata) != set(change.rdata)
    if change.type == "CNAME" and change.action is Action.CREATE and differs:
        return PlannedOutcome(Outcome.FAILED, "cname_exists", f"{change.name} has another CNAME already")
    return None


def _is_same(record_type: str, before: RRset | None, after: RRset | None) -> bool:
    if before is None or after is None:
        return before is after
    return before.ttl == after.ttl and values.same(record_type, before.rdata, after.rdata)


def _after(change: Change, before: RRset | None) -> RRset | None:
    there = Expectation(exact=frozenset(before.rdata), ttl=before.ttl) if before else NO_RRSET
    after = there.after(change)
    return RRset(after.ttl, tuple(sorted(after.exact))) if after.exact else None

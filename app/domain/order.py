"""The fates that the order of acceptance gives, told from what was there before a run that was lost."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from app.domain.change import Action, Change, ChangeResult, Outcome, RRsetKey
from app.domain.effects import RRset, effects

Before = Mapping[RRsetKey, RRset | None]  # what was there before a run; None: there was no such RRset

_ADDS = (Action.CREATE, Action.UPSERT)


def decided_by_before(changes: Sequence[Change]) -> list[RRsetKey]:
    """Return the RRsets that tell the fates of these changes, where what is there after the run does not.

    An update of nothing fails; if a create behind it is applied, nothing shows that any more, and a second
    run would find something to update. An update behind a delete looks applied if neither was. The same is
    true of whatever a CNAME at its name forbids, once that CNAME is deleted, of NS that a DS has kept, and of
    a change that expects what another one behind it replaces. Most batches have no such names.
    """
    if not any(
        change.action in (Action.UPDATE, Action.DELETE) or change.expect is not None for change in changes
    ):
        return []
    by_name: dict[str, list[Change]] = {}
    for change in changes:
        by_name.setdefault(change.name, []).append(change)
    undecided = (at_name for at_name in by_name.values() if len(at_name) > 1 and _hides_a_fate(at_name))
    return list(dict.fromkeys(key for at_name in undecided for key in _keys(at_name)))


def fates(changes: Iterable[Change], before: Before, now: Before) -> dict[UUID, ChangeResult]:
    """Return the fates that are certain of changes whose run was lost; the others have to be run again.

    What must fail fails. If one of the states on the way is what the primary answers now, then the changes up
    to there have been applied.
    """
    by_name: dict[str, list[Change]] = {}
    for change in changes:
        by_name.setdefault(change.name, []).append(change)
    known = {key.name for key in before}
    return {
        request_id: result
        for name in by_name.keys() & known
        for request_id, result in _fates_at_name(by_name[name], before, now).items()
    }


def _hides_a_fate(at_name: Sequence[Change]) -> bool:
    """Return whether a change may fail, and another one at its name hides whether it did."""
    replaced: set[str] = set()  # types that a later change, other than an update, changes
    updated: set[str] = set()
    deleted: set[str] = set()
    for change in reversed(at_name):
        if change.expect is not None and change.type in (*replaced, *updated):
            return True
        if change.action is Action.UPDATE and change.type in replaced:
            return True
        if change.action in _ADDS and (deleted if change.type == "CNAME" else "CNAME" in deleted):
            return True
        if change.action is Action.DELETE and (
            change.type in updated or (change.type == "NS" and "DS" in deleted)
        ):
            return True
        (updated if change.action is Action.UPDATE else replaced).add(change.type)
        if change.action is Action.DELETE:
            deleted.add(change.type)
    return False


def _keys(at_name: Sequence[Change]) -> list[RRsetKey]:
    return [*(change.key for change in at_name), RRsetKey(at_name[0].name, "CNAME")]


def _fates_at_name(at_name: Sequence[Change], before: Before, now: Before) -> dict[UUID, ChangeResult]:
    state = {key: rrset for key, rrset in before.items() if key.name == at_name[0].name and rrset}
    results: list[ChangeResult] = []
    applied = 0  # how many changes lead to what is there now
    touched = {change.key for change in at_name}
    for number, change in enumerate(at_name, 1):
        results.append(_apply(change, state))
        if all(key in now and now[key] == state.get(key) for key in touched):
            applied = number
    return {
        change.request_id: result
        for number, (change, result) in enumerate(zip(at_name, results, strict=True))
        if number < applied or result.outcome is Outcome.FAILED
    }


def _apply(change: Change, state: dict[RRsetKey, RRset]) -> ChangeResult:
    """Apply the change to the state, unless it must fail; return its result."""
    if change.action is Action.UPDATE and change.key not in state:
        return ChangeResult(Outcome.FAILED, "rrset_missing", f"there was no {change.key} to update")
    [effect] = effects([change], {(change.zone, key): rrset for key, rrset in state.items()})
    if effect.planned.outcome == Outcome.FAILED:
        return ChangeResult(Outcome.FAILED, effect.planned.code, effect.planned.message)
    state.pop(change.key, None)
    if effect.after is not None:
        state[change.key] = effect.after
    return ChangeResult(Outcome.APPLIED)

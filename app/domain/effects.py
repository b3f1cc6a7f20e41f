"""What a batch would change, as far as the records tell: each RRset before and after each change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.change import Action, Change, RRsetKey
from app.domain.expectation import Expectation

UNKNOWN = "unknown"
_ALIAS = "CNAME"
_NOTHING = Expectation(exact=frozenset())

Place = tuple[str, RRsetKey]  # the zone, since a name can be in two: NS at a zone cut


class RRset(NamedTuple):
    """An RRset's TTL in seconds and its values, in canonical form and order."""

    ttl: int
    rdata: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of a change: an outcome of the playbook contract, or "unknown"."""

    outcome: str
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """A change, the RRset before and after it (None: there is none), and what would become of it."""

    change: Change
    before: RRset | None
    after: RRset | None
    forecast: Forecast


def effects(changes: Iterable[Change], known: Mapping[Place, RRset]) -> list[Effect]:
    """The effect of each change, applied in the order given on top of the records that are `known`.

    Records are only what requests have changed: the servers may hold more.
    """
    names: dict[tuple[str, str], dict[str, RRset]] = {}
    for (zone, key), rrset in known.items():
        names.setdefault((zone, key.name), {})[key.type] = rrset
    return [_apply(change, names.setdefault((change.zone, change.name), {})) for change in changes]


def _apply(change: Change, there: dict[str, RRset]) -> Effect:
    before = there.get(change.type)
    obstacle = _obstacle(change, there)
    if obstacle is not None and obstacle.outcome != UNKNOWN:
        return Effect(change, before, before, obstacle)
    after = _after(change, before)
    there.pop(change.type, None)
    if after is not None:
        there[change.type] = after
    return Effect(change, before, after, obstacle or _outlook(before, after))


def _obstacle(change: Change, there: Mapping[str, RRset]) -> Forecast | None:
    """Why the change would fail, or might."""
    if change.action is Action.DELETE:
        return None
    before = there.get(change.type)
    if change.action is Action.UPDATE and before is None:
        return Forecast(UNKNOWN, None, f"no {change.key} is recorded: it fails unless the servers have one")
    others = there.keys() - {change.type}
    if others and _ALIAS in (change.type, *others):
        return Forecast("failed", "cname_conflict", f"nothing may be beside a CNAME at {change.name}")
    if change.type == _ALIAS and change.action is Action.CREATE and _differs(change, before):
        return Forecast("failed", "cname_exists", f"{change.name} has another CNAME already")
    return None


def _differs(change: Change, before: RRset | None) -> bool:
    return before is not None and set(before.rdata) != set(change.rdata)


def _after(change: Change, before: RRset | None) -> RRset | None:
    there = Expectation(exact=frozenset(before.rdata), ttl=before.ttl) if before else _NOTHING
    after = there.after(change)
    return RRset(after.ttl or 0, tuple(sorted(after.exact))) if after.exact else None


def _outlook(before: RRset | None, after: RRset | None) -> Forecast:
    return Forecast("unchanged", None, "it is so already") if before == after else Forecast("applied")

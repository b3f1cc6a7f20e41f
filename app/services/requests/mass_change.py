"""Mass changes: a batch that changes more of a zone than its thresholds allow is refused as a whole."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.core.database import AnySession
from app.domain.change import Action, Change, RRsetKey
from app.domain.errors import Reason
from app.domain.zone_settings import Threshold, ZoneSettings
from app.services.requests.draft import Refused, ValidChange
from app.store import records, zones

MIN_RECORDED = 10  # RRsets: a percentage of fewer says nothing


_Asked = tuple[str, RRsetKey, Action]  # zone, RRset, and what is to be done to it


class _Extent(NamedTuple):
    """The RRsets of one zone that a batch changes, and those of them from which it deletes."""

    changes: set[RRsetKey]
    deletes: set[RRsetKey]


def limited(placed: Iterable[ValidChange | Refused]) -> list[ValidChange]:
    """Return the changes in zones that have thresholds."""
    return [each for each in placed if isinstance(each, ValidChange) and each.settings.has_thresholds]


def why_mass_change(session: AnySession, changes: Sequence[ValidChange]) -> list[Reason]:
    """Return the reasons against these changes together: one for each threshold that they are over.

    An RRset counts once, however often it is changed. One RRset alone is never a mass change.
    """
    settings = {change.zone: change.settings for change in changes}
    asked = ((change.zone, RRsetKey(change.name, change.record_type), change.action) for change in changes)
    return _why_over(session, settings, asked)


def why_planned_is_mass_change(session: AnySession, changes: Sequence[Change]) -> list[Reason]:
    """Return the same of changes that are planned already."""
    settings = zones.existing(session, {change.zone for change in changes})
    limited_zones = {zone for zone, each in settings.items() if each.has_thresholds}
    planned = ((change.zone, change.key, change.action) for change in changes if change.zone in limited_zones)
    return _why_over(session, settings, planned)


def _why_over(
    session: AnySession, settings: Mapping[str, ZoneSettings], changes: Iterable[_Asked]
) -> list[Reason]:
    return [
        reason
        for zone, extent in _extents(changes).items()
        for name, keys in extent._asdict().items()
        for reason in _reasons(session, zone, name, len(keys), getattr(settings[zone], f"max_{name}"))
    ]


def _extents(changes: Iterable[_Asked]) -> Mapping[str, _Extent]:
    found: dict[str, _Extent] = {}
    for zone, key, action in changes:
        extent = found.setdefault(zone, _Extent(set(), set()))
        extent.changes.add(key)
        if action is Action.DELETE:
            extent.deletes.add(key)
    return found


def _reasons(
    session: AnySession, zone: str, kind: str, number: int, threshold: Threshold
) -> Iterator[Reason]:
    most, percent = threshold
    if number > max(most or number, 1):
        yield _reason(zone, kind, number, str(most))
    if percent is None or number <= 1:
        return
    enough = number * 100 // percent + 1  # that many RRsets, and it is no mass change
    recorded = records.count_up_to(session, zone, max(enough, MIN_RECORDED))
    if recorded >= MIN_RECORDED and number * 100 > percent * recorded:
        yield _reason(zone, kind, number, f"{percent} % of those that are recorded")


def _reason(zone: str, kind: str, number: int, most: str) -> Reason:
    message = f'{zone}: {kind} of {number} RRsets, where {most} may be; "allow_mass_change": true allows it'
    return Reason(("requests",), "mass_change", message)

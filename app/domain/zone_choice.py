"""Which served zone a change is for: the longest match of its name, or the one that it names itself."""

from typing import NamedTuple

from app.domain.change import Action
from app.domain.errors import InvalidName, Reason, quoted
from app.domain.names import is_below, lineage
from app.domain.places import RECORD_TYPE, VIEW, ZONE
from app.domain.rdata import RecordType
from app.domain.read_zone import read_view, read_zone_key
from app.domain.simulated_zone import simulated_zone
from app.domain.views import Several, Views
from app.domain.zone_key import dns_name, view_of, zone_key

GLUE = frozenset({RecordType.A, RecordType.AAAA})
_OF_CUT = frozenset({RecordType.NS, RecordType.DS})


class ZoneChoice(NamedTuple):
    """The key of the zone, or the reasons why the one that was asked for can't be it."""

    zone: str | None
    reasons: tuple[Reason, ...] = ()


class AskedZone(NamedTuple):
    """The zone and the view that a change names itself, as they were written."""

    zone: str | None
    view: str | None
    exact: bool = False  # the zone is a key of ours: one without a view means none


def choose_zone(
    action: Action, name: str, record_type: RecordType | None, asked: AskedZone, views: Views
) -> ZoneChoice:
    """Return the zone that is asked for, if it is served and has a place for the record.

    Where only a view is asked for, that is the longest match among its zones; where nothing is, among all.
    Without reasons there may be no zone, where none of the name is served.
    """
    try:
        view = None if asked.view is None else read_view(asked.view)
    except InvalidName as error:
        return ZoneChoice(None, (error.reason(*VIEW),))
    if asked.zone is None:
        return _longest(name, view, views)
    try:
        key = read_zone_key(asked.zone)
    except InvalidName as error:
        return ZoneChoice(None, (error.reason(*ZONE),))
    zone, own = dns_name(key), view_of(key)
    if zone != name and not is_below(name, zone):
        return ZoneChoice(None, (Reason(ZONE, "not_in_zone", f"{name} is not in the zone {quoted(zone)}"),))
    if own and view and own != view:
        message = f"the zone {key} lies in the view {own}, and not in {view}"
        return ZoneChoice(None, (Reason(VIEW, "view_contradicts", message),))
    choice = _exactly(zone, own or view, views, exact=asked.exact)
    if choice.zone is None or action is Action.DELETE or record_type is None:
        return choice
    child = served_child(name, choice.zone, views)
    return choice._replace(reasons=_not_above_cut(name, record_type, choice.zone, child) if child else ())


def _longest(name: str, view: str | None, views: Views) -> ZoneChoice:
    if view is not None:
        zone = views.own_zone_of(name, view)
        return ZoneChoice(zone, () if zone else tuple(_unknown_view(name, view, views)))
    found = views.zone_of(name)
    if isinstance(found, Several):
        return ZoneChoice(None, (_view_required(found),))
    return ZoneChoice(found)


def _exactly(zone: str, view: str | None, views: Views, *, exact: bool) -> ZoneChoice:
    key = zone_key(zone, view)
    if exact or view is not None:
        found: str | Several | None = key if key in views.served else None
    else:
        found = views.zone_at(zone, None)
    if isinstance(found, Several):
        return ZoneChoice(None, (_view_required(found),))
    if found is None and view is not None and (zone in views.served or views.of(zone)):
        return ZoneChoice(None, tuple(_unknown_view(zone, view, views)))
    if found is None:
        message = f"the zone {quoted(key)} is not served here; zones that are: GET /api/v1/zones"
        return ZoneChoice(None, (Reason(ZONE, "zone_unknown", message),))
    return ZoneChoice(found)


def _view_required(found: Several) -> Reason:
    return Reason(VIEW, "view_required", f'{found.why}: say which by "view"')


def _unknown_view(name: str, view: str, views: Views) -> list[Reason]:
    """Return the reason against a view that has no zone of the name, where some zone has; else none."""
    if views.zone_of(name) is None:
        return []
    above = (f"{zone} in {', '.join(found)}" for zone, found in views.above(name).items())
    there = "; ".join(above) or "none"
    message = f"no zone of {name} is served in the view {quoted(view)}; there are in views: {there}"
    return [Reason(VIEW, "view_unknown", message)]


def zone_to_make_up(name: str, asked: AskedZone | None, views: Views) -> str | None:
    """Return the zone that the simulation has to make up for the name; None: one is there, or can't be.

    Raises InvalidName.
    """
    zone, view = (asked.zone, asked.view) if asked else (None, None)
    view = None if view is None else read_view(view)
    if zone is None:
        there = views.zone_of(name) if view is None else views.own_zone_of(name, view)
        made_up = simulated_zone(name)
        # Nobody has a zone such as com: a full name was meant.
        return None if there or "." not in made_up else zone_key(made_up, view)
    key = read_zone_key(zone)
    zone, view = dns_name(key), view_of(key) or view
    key = zone_key(zone, view)
    is_there = key in views.served or (view is None and views.of(zone))
    return None if is_there or zone not in lineage(name) else key


def served_child(name: str, zone: str, views: Views) -> str | None:
    """Return the zone next below `zone` that `name` lies in, if one is served: there `zone` has its cut.

    That is one of the same view, or of none.
    """
    child = None
    for parent in lineage(name):
        if parent == dns_name(zone):
            return child
        child = _beside(parent, zone, views) or child
    return None


def _beside(name: str, zone: str, views: Views) -> str | None:
    own = zone_key(name, view_of(zone))
    return next((key for key in (own, name) if key in views.served), None)


def _not_above_cut(name: str, record_type: RecordType, zone: str, child: str) -> tuple[Reason, ...]:
    """RFC 1034 4.2.1, RFC 4035 2.4: above a cut are its NS and DS, and the addresses of its servers."""
    if record_type in GLUE or (record_type in _OF_CUT and name == dns_name(child)):
        return ()
    what = (
        f"{record_type} records of {name}" if record_type not in _OF_CUT else f"the {record_type} of {name}"
    )
    message = (
        f"{what} belong into the zone {child}, which is served here; "
        f"{zone} has only NS and DS at {dns_name(child)}, and the addresses of name servers (A, AAAA)"
    )
    return (Reason(RECORD_TYPE, "not_parent_side", message),)

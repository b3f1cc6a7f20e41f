"""Which served zone a change is for: the longest match of its name, or the one that it names itself."""

from collections.abc import Container
from typing import NamedTuple

from app.domain.change import Action
from app.domain.errors import InvalidName, Reason, quoted
from app.domain.names import is_below, lineage, normalize
from app.domain.places import RECORD_TYPE, ZONE
from app.domain.rdata import RecordType

GLUE = frozenset({RecordType.A, RecordType.AAAA})
_OF_CUT = frozenset({RecordType.NS, RecordType.DS})


class ZoneChoice(NamedTuple):
    """The zone, or the reasons why the one that was asked for can't be it."""

    zone: str | None
    reasons: tuple[Reason, ...] = ()


def choose_zone(
    action: Action, name: str, record_type: RecordType | None, asked: str, served: Container[str]
) -> ZoneChoice:
    """Return the zone that is asked for, if it is served and has a place for the record."""
    try:
        zone = normalize(asked)
    except InvalidName as error:
        return ZoneChoice(None, (error.reason(*ZONE),))
    if zone != name and not is_below(name, zone):
        return ZoneChoice(None, (Reason(ZONE, "not_in_zone", f"{name} is not in the zone {quoted(zone)}"),))
    if zone not in served:
        message = f"the zone {quoted(zone)} is not served here; zones that are: GET /api/v1/zones"
        return ZoneChoice(None, (Reason(ZONE, "zone_unknown", message),))
    child = served_child(name, zone, served)
    if child is None or action is Action.DELETE or record_type is None:
        return ZoneChoice(zone)
    return ZoneChoice(zone, _not_above_cut(name, record_type, zone, child))


def served_child(name: str, zone: str, served: Container[str]) -> str | None:
    """Return the zone next below `zone` that `name` lies in, if one is served: there `zone` has its cut."""
    child = None
    for parent in lineage(name):
        if parent == zone:
            return child
        if parent in served:
            child = parent
    return None


def _not_above_cut(name: str, record_type: RecordType, zone: str, child: str) -> tuple[Reason, ...]:
    """RFC 1034 4.2.1, RFC 4035 2.4: above a cut are its NS and DS, and the addresses of its servers."""
    if record_type in GLUE or (record_type in _OF_CUT and name == child):
        return ()
    what = (
        f"{record_type} records of {name}" if record_type not in _OF_CUT else f"the {record_type} of {name}"
    )
    message = (
        f"{what} belong into the zone {child}, which is served here; "
        f"{zone} has only NS and DS at {child}, and the addresses of name servers (A, AAAA)"
    )
    return (Reason(RECORD_TYPE, "not_parent_side", message),)

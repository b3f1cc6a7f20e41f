"""Rules between RRsets of a zone that servers do not keep alike: DS and NS, DNAME and what is around it.

BIND answers NOERROR to a DS without NS and drops it, and drops the DS of a delegation whose NS go. Others
take the one and keep the other. Knot refuses what lies below a DNAME, BIND and PowerDNS take it and never
show it.
"""

from collections.abc import Iterator, Mapping

import dns.name
from dns.rdatatype import DNAME, DS, NS, RdataType

from .change import Change
from .result import Result, failed

_DECIDED_BY: Mapping[RdataType, RdataType] = {DS: NS, NS: DNAME, DNAME: NS}


def deciding_type(change: Change, zone: dns.name.Name) -> RdataType | None:
    """Return the type of which it matters whether it is at the owner name, too; None for most changes.

    At the apex a DNAME may be beside the zone's own NS. Where the NS of a delegation go, no DS may be there.
    """
    if change.action == "delete":
        decides = DS if change.type == NS else None
    else:
        decides = _DECIDED_BY.get(change.type)
    return None if decides is None or change.name == zone else decides


def conflict_beside(change: Change, zone: dns.name.Name, *, is_there: bool) -> Result | None:
    """Return the failure of a change by whether its deciding type is at its owner name, or None.

    A deletion is one that leaves nothing of its RRset.
    """
    decides = deciding_type(change, zone)
    return None if decides is None or is_there is (change.type == DS) else failure_beside(change)


def failure_beside(change: Change) -> Result:
    """Return the result of a change that its deciding type is against."""
    is_of_ds = change.type == DS or change.action == "delete"
    return _ds_without_ns(change) if is_of_ds else _dname_beside_ns(change)


def _ds_without_ns(change: Change) -> Result:
    """Return the result of a DS where nothing is delegated, or would be any more (RFC 4035 section 2.4)."""
    if change.type == DS:
        return failed("ds_without_ns", f"{_owner(change)} has no NS, and a DS is at a delegation alone")
    message = f"{_owner(change)} has a DS, and that is at a delegation alone: remove it first"
    return failed("ds_without_ns", message)


def _dname_beside_ns(change: Change) -> Result:
    """Return the result of a DNAME at a delegation, or the other way round (RFC 6672 section 2.3)."""
    other = "DNAME" if change.type == NS else "NS"
    message = f"{_owner(change)} has {other} records, and only the apex of a zone can have both NS and DNAME"
    return failed("dname_beside_ns", message)


def below_dname(change: Change) -> Result:
    """Return the result of adding data below a DNAME, which hides it (RFC 6672 section 2.4)."""
    return failed("below_dname", f"{_owner(change)} is below a DNAME: nobody would ever see the data")


def dname_above_data(change: Change) -> Result:
    """Return the result of a DNAME above names that have data, which it would hide (RFC 6672 section 2.4)."""
    message = f"there is data below {_owner(change)}, which a DNAME would hide: remove it first"
    return failed("dname_above_data", message)


def names_above(name: dns.name.Name, zone: dns.name.Name) -> Iterator[tuple[bytes, ...]]:
    """Yield the labels of the names above a name of the zone, longest first, down to the apex."""
    for cut in range(1, len(name.labels) - len(zone.labels) + 1):
        yield name.labels[cut:]


def may_hide_names(change: Change) -> bool:
    """Whether it makes or changes a DNAME."""
    return change.type == DNAME and change.action != "delete"


def _owner(change: Change) -> str:
    return change.name.to_text(omit_final_dot=True)

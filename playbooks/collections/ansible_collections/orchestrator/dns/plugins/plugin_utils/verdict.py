"""What is said of a change whose fate is clear from what is there, however it is carried out."""

import dns.name
import dns.rdatatype

from .change import Change
from .result import Result, failed


def unchanged(change: Change) -> Result:
    """It was so already."""
    return Result("unchanged", f"{change} was so already")


def applied(verb: str, change: Change) -> Result:
    """It was done: `verb` and the values."""
    values = ", ".join(value.to_text() for value in change.values[:3])
    more = f" and {len(change.values) - 3} more" if len(change.values) > 3 else ""
    return Result("applied", f"{change}: {verb} {values or 'all values'}{more}")


def rrset_missing(change: Change) -> Result:
    """An update of nothing."""
    return failed("rrset_missing", f"there is no {change} to update")


def beside_cname(change: Change) -> Result:
    """Data where a CNAME is."""
    return failed("cname_conflict", f"a CNAME is at {_name(change)}, and nothing may be beside it")


def cname_at_apex(change: Change) -> Result:
    """A CNAME at the apex."""
    return failed("cname_conflict", f"{_name(change)} is the apex: its SOA and NS leave no place for a CNAME")


def cname_beside_data(change: Change) -> Result:
    """A CNAME where other data is."""
    return failed("cname_conflict", f"other data is at {_name(change)}, and a CNAME must be alone")


def several_cnames(change: Change) -> Result:
    """More than one CNAME at once."""
    return failed("cname_exists", f"{_name(change)} can have one CNAME only")


def second_cname(change: Change) -> Result:
    """A CNAME where another is."""
    return failed("cname_exists", f"{_name(change)} has another CNAME already")


def last_apex_ns(change: Change) -> Result:
    """The removal of the zone's last NS."""
    return failed("apex_ns_last", f"{_name(change)} must keep at least one NS")


def too_large(change: Change) -> Result:
    """More data than a message can hold (RFC 1035 section 4.2.2)."""
    return failed("too_large", f"{change}: the RRset does not fit in a message")


def is_apex_ns(change: Change, zone: dns.name.Name) -> bool:
    """Whether it is about the zone's own NS RRset, of which one must stay."""
    return change.type == dns.rdatatype.NS and change.name == zone


def _name(change: Change) -> str:
    return change.name.to_text(omit_final_dot=True)

"""Instructions about RRsets that plans are made of."""

from collections.abc import Collection

import dns.rdata
import dns.rdatatype
from dns.rdata import Rdata
from dns.rdatatype import CNAME, RdataType

from .node import RRset
from .update_message import Instruction, Kind

NAME_IN_USE = Instruction(Kind.NAME_IN_USE)
NAME_NOT_IN_USE = Instruction(Kind.NAME_NOT_IN_USE)
CNAME_EXISTS = Instruction(Kind.RRSET_EXISTS, CNAME)
CNAME_ABSENT = Instruction(Kind.RRSET_ABSENT, CNAME)
_TEMPORARY_NS = (dns.rdata.from_text("IN", "NS", "ttl-change.invalid."),)

# PowerDNS answers NOERROR to the deletion of a value of these, and ignores it; not that of an RRset.
_DELETED_WHOLE = frozenset(
    map(
        dns.rdatatype.from_text,
        ("AFSDB", "APL", "CSYNC", "EUI48", "EUI64", "HTTPS", "KX", "LP", "NAPTR", "RP", "SVCB"),
    )
)

Instructions = tuple[Instruction, ...]


def rrset_equals(rrset: RRset) -> Instructions:
    """Return the prerequisites that an RRset still has exactly these values; its TTL can't be one."""
    return (NAME_IN_USE, Instruction(Kind.RRSET_EQUALS, values=tuple(rrset.values)))


def set_rrset(rdtype: RdataType, before: RRset | None, after: RRset, *, is_apex_ns: bool) -> Instructions:
    """Return the updates that turn an RRset into another, all in one message.

    A server silently ignores a deletion of the apex NS RRset (RFC 2136 section 3.4.2.3), and one of its
    last value (section 3.4.2.4). So there the new values come first, and the old ones go one by one.
    """
    added = add(after, after.values)
    if not is_apex_ns:
        return (Instruction(Kind.DELETE_RRSET, rdtype), added)
    if before is None:
        return (added,)
    deleted = before.values - after.values
    return (added, *_set_ttl(before, after), *(delete_values(rdtype, deleted) if deleted else ()))


def add(rrset: RRset, values: Collection[Rdata]) -> Instruction:
    """Return the addition of some of an RRset's values, with its TTL."""
    assert rrset.ttl is not None  # it is what a change asks for
    return Instruction(Kind.ADD_VALUES, values=sorted(values), ttl=rrset.ttl)


def must_be_set(rdtype: RdataType, rrset: RRset) -> bool:
    """Whether some server does not delete values of such an RRset: what is left has to be set."""
    return rdtype in _DELETED_WHOLE and rrset.ttl is not None


def shrink(rdtype: RdataType, before: RRset, removed: Collection[Rdata]) -> Instructions:
    """Return the updates that take some values out of an RRset by setting what is left."""
    left = before.values - frozenset(removed)
    return (
        set_rrset(rdtype, before, RRset(before.ttl, left), is_apex_ns=False)
        if left
        else delete_values(rdtype, ())
    )


def delete_values(rdtype: RdataType, values: Collection[Rdata]) -> Instructions:
    """Return the deletion of the values, or of the whole RRset if none are given."""
    if not values:
        return (Instruction(Kind.DELETE_RRSET, rdtype),)
    return (Instruction(Kind.DELETE_VALUES, values=sorted(values)),)


def _set_ttl(before: RRset, after: RRset) -> Instructions:
    """Return what changes the TTL of the apex NS RRset if no value is new.

    Knot ignores a value that is there already, and its TTL too. It takes over the TTL of a new value, even of
    one that is deleted by the same message.
    """
    if before.ttl == after.ttl or after.values - before.values:
        return ()
    temporary = RRset(after.ttl, frozenset(_TEMPORARY_NS))
    return (add(temporary, _TEMPORARY_NS), Instruction(Kind.DELETE_VALUES, values=_TEMPORARY_NS))

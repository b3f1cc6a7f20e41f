"""Values that stand alone, as a null MX does, where no answer shows others: prerequisites tell."""

from collections.abc import Mapping
from dataclasses import replace

import dns.name
import dns.rdata
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import (
    STAND_ALONE,
    Reason,
    alone_conflict,
)
from dns.rcode import Rcode
from dns.rdata import Rdata
from dns.rdatatype import CDNSKEY, CDS, MX, RdataType

from .connection import Connection
from .dependencies import Group
from .node import Node
from .query import lost_answers_as_unreachable
from .refusal import PREREQUISITE_FAILED
from .update_message import Instruction, Kind, Step, make_message, size_in_message

_ALONE: Mapping[RdataType, Rdata] = {  # RFC 7505 3, RFC 8078 4; of other types any value is
    MX: dns.rdata.from_text("IN", "MX", "0 ."),
    CDS: dns.rdata.from_text("IN", "CDS", "0 0 0 00"),
    CDNSKEY: dns.rdata.from_text("IN", "CDNSKEY", "0 3 0 AA=="),
}


def may_not_be_alone(group: Group, node: Node) -> bool:
    """Whether a group creates values of which some stand alone, where no answer shows others."""
    is_create = group[0].action == "create" and group[0].type in STAND_ALONE and group[0].expect is None
    return is_create and node.occluded and not node.below_dname and node.rrset is None


def leave_alone(step: Step, zone: dns.name.Name, connection: Connection) -> Step | Reason:
    """Return the step, with a prerequisite that its values are alone if one can say so, or why they are not.

    No prerequisite says that an RRset has not some value. So where ordinary values are added to others, what
    stands alone may come between. Raises Unreachable, KeyRefused.
    """
    change = replace(step.group[0], values=tuple({value for each in step.group for value in each.values}))
    absent = Instruction(Kind.RRSET_ABSENT, change.type)
    alone = _ALONE.get(change.type, change.values[0])
    same = Instruction(Kind.RRSET_EQUALS, values=(alone,))
    code = _ask(step, absent, zone, connection)
    if code not in PREREQUISITE_FAILED:
        return _with(step, absent, zone) if code == Rcode.NOERROR else step
    is_there = _ask(step, same, zone, connection) == Rcode.NOERROR
    if is_there and change.values == (alone,):
        return _with(step, same, zone)
    conflict = alone_conflict(change, (alone,) if is_there else ("another",))
    if conflict is None:
        return step
    return Reason(conflict.code or "refused", conflict.message)


def _ask(step: Step, prerequisite: Instruction, zone: dns.name.Name, connection: Connection) -> Rcode:
    message = make_message(zone, [replace(step, prerequisites=(prerequisite,), updates=(), soa=None)])
    with lost_answers_as_unreachable():
        return connection.exchange(message).rcode()


def _with(step: Step, prerequisite: Instruction, zone: dns.name.Name) -> Step:
    size = step.size + size_in_message(step.group[0].name, zone, (prerequisite,))
    return replace(step, prerequisites=(*step.prerequisites, prerequisite), size=size)

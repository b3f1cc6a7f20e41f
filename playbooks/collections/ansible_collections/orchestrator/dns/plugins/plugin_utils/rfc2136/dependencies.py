"""Waves: changes that depend on each other go into successive messages.

A message's prerequisites look at the zone as it was before the message (RFC 2136 section 3.2).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from dns.rdatatype import CNAME, RdataType

from .update_message import Group

MAX_GROUP = 100  # creates on one RRset that share a step


@dataclass(slots=True)
class _Slot:
    """The latest wave that touches an RRset, and the changes that it makes there."""

    wave: int
    changes: list[Change] = field(default_factory=list)

    def can_join(self, change: Change) -> bool:
        creates = change.action == "create" and self.changes[-1].action == "create"
        return creates and change.type != CNAME and len(self.changes) < MAX_GROUP


def waves(changes: Iterable[Change]) -> list[list[Group]]:
    """Return the changes in waves; within one, none depends on another.

    Two changes depend on each other when they are about one RRset, or one of them is about the name's CNAME.
    Several creates on one RRset are merged: their order shows only in the results.
    """
    nodes: dict[dns.name.Name, dict[RdataType, _Slot]] = defaultdict(dict)
    ordered: list[list[_Slot]] = []
    for change in changes:
        node = nodes[change.name]
        after = _latest(node, change.type)
        slot = node.get(change.type)
        if slot is not None and slot.wave == after and slot.can_join(change):
            slot.changes.append(change)
            continue
        node[change.type] = slot = _Slot(after + 1, [change])
        if slot.wave == len(ordered):
            ordered.append([])
        ordered[slot.wave].append(slot)
    return [[tuple(slot.changes) for slot in wave] for wave in ordered]


def _latest(node: dict[RdataType, _Slot], rdtype: RdataType) -> int:
    """Return the number of the last wave that a change of this type must wait for, -1 for none."""
    related = node.keys() if rdtype == CNAME else {rdtype, CNAME} & node.keys()
    return max((node[other].wave for other in related), default=-1)

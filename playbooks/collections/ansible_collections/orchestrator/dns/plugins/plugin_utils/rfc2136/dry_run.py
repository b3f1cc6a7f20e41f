"""A dry run: the results that a batch would have, judged by what the server answers. Only queries are sent.

It can't know what the server's policy refuses, what others change meanwhile, and whether an answer was made
from a wildcard.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change, State
from ansible_collections.orchestrator.dns.plugins.plugin_utils.expect import holds, made_before
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result, state_changed, unchanged
from ansible_collections.orchestrator.dns.plugins.plugin_utils.spelling import spelled_as_there
from dns.rcode import Rcode
from dns.rdatatype import CNAME, RdataType

from .connection import Connection
from .node import InUse, Node, RRset, state_of
from .planner import Planner
from .query import Question, query_nodes, query_types
from .refusal import TOO_LARGE, query_refused


def record_dry_run(
    changes: Sequence[Change], planner: Planner, connection: Connection, outcomes: Outcomes
) -> None:
    """Record the results that the changes would have, one after the other. Raises Unreachable, KeyRefused."""
    zone = _query_zone(connection, changes)
    for change in changes:
        node = zone.node(change)
        if isinstance(node, Rcode):
            outcomes.record_refusal([change], query_refused(node))
            continue
        there = state_of(node.rrset)
        if change.expect is not None and not (node.occluded or holds(change.expect, there)):
            outcomes.record([change], [_unexpected(change, there)])
            continue
        step = planner.plan((change,), node)
        if not step.fits:
            outcomes.record_refusal([change], TOO_LARGE)
            continue
        outcomes.record(step.group, step.results)
        if step.updates:
            zone.apply(change, node.rrset)


def _unexpected(change: Change, there: State) -> Result:
    is_made = made_before([change], lambda _: there)
    return (unchanged(change) if is_made else state_changed(change, there))._replace(before=there)


def _query_zone(connection: Connection, changes: Sequence[Change]) -> "_PlannedZone":
    questions = list(dict.fromkeys((change.name, change.type) for change in changes))
    cname_owners = list(dict.fromkeys(change.name for change in changes if change.type == CNAME))
    zone = _PlannedZone(dict(zip(questions, query_nodes(connection, questions), strict=True)))
    for name, types in zip(cname_owners, query_types(connection, cname_owners), strict=True):
        zone.types[name] |= types
    return zone


@dataclass(slots=True)
class _PlannedZone:
    """The zone as the server shows it, and as the changes so far would leave it."""

    answered: Mapping[Question, Node | Rcode]
    types: dict[dns.name.Name, set[RdataType]] = field(default_factory=lambda: defaultdict(set))
    planned: dict[Question, RRset | None] = field(default_factory=dict)

    def node(self, change: Change) -> Node | Rcode:
        """Return what is at the owner name before the change, or the code of a server that does not say."""
        answered = self.answered[change.name, change.type]
        if isinstance(answered, Rcode):
            return answered
        rrset = self.planned.get((change.name, change.type), answered.rrset)
        cname = self.planned.get((change.name, CNAME), answered.cname)
        in_use = InUse.YES if rrset or self.types[change.name] else InUse.UNKNOWN
        return Node(in_use, rrset, cname, answered.occluded)

    def apply(self, change: Change, before: RRset | None) -> None:
        """Apply a change to the plan; `before` is the RRset that it meets."""
        after = _rrset_after(change, before)
        self.planned[change.name, change.type] = after
        types = self.types[change.name]
        types.add(change.type) if after else types.discard(change.type)


def _rrset_after(change: Change, before: RRset | None) -> RRset | None:
    old = before.values if before else frozenset()
    change = spelled_as_there(change, old)
    values = frozenset(change.values)
    if change.action == "delete":
        left = frozenset() if change.is_of_whole_rrset else old - values
        return RRset(before.ttl, left) if before and left else None
    return RRset(change.ttl, values | old if change.action == "create" else values)

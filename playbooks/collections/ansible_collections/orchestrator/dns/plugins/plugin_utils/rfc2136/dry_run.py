"""A dry run: the results that a batch would have, judged by what the server answers. It changes nothing.

It can't know what the server's policy refuses, and what others change meanwhile.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change, State
from ansible_collections.orchestrator.dns.plugins.plugin_utils.expect import holds, made_before
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import (
    Result,
    hidden,
    state_changed,
    unchanged,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.spelling import spelled_as_there
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import (
    conflict_beside,
    deciding_type,
    dname_above_data,
    may_hide_names,
    names_above,
)
from dns.rcode import Rcode
from dns.rdatatype import CNAME, DNAME, DS, NS, SOA, RdataType

from .connection import Connection
from .hidden import Revealed, read_hidden
from .names_below import names_above_data
from .node import NONEXISTENT, UNSEEN, InUse, Node, RRset, state_of
from .planner import Planner
from .query import Question, query_dnames_above, query_nodes, query_synthesized, query_types
from .refusal import TOO_LARGE, query_refused
from .rrset_updates import rrset_equals
from .update_message import MAX_STEPS_SIZE, Step, size_in_message, without_values

Nodes = Mapping[Question, Node | Rcode]
Types = Mapping[dns.name.Name, set[RdataType]]


def record_dry_run(
    changes: Sequence[Change], planner: Planner, connection: Connection, outcomes: Outcomes
) -> None:
    """Record the results that the changes would have, one after the other. Raises Unreachable, KeyRefused."""
    zone = _query_zone(connection, changes, planner.zone)
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
        if step.results[0].code is None and zone.is_in_doubt(change):
            outcomes.record([change], [hidden(change)])
            continue
        if not zone.fits(step, node):
            outcomes.record_refusal([change], TOO_LARGE)
            continue
        if step.results[0].code is None and (conflict := zone.conflict(change, node)) is not None:
            outcomes.record([change], [conflict._replace(before=there)])
            continue
        outcomes.record(step.group, step.results)
        if step.updates:
            zone.apply(change, node.rrset)


def _unexpected(change: Change, there: State) -> Result:
    is_made = made_before([change], lambda _: there)
    return (unchanged(change) if is_made else state_changed(change, there))._replace(before=there)


def _query_zone(connection: Connection, changes: Sequence[Change], apex: dns.name.Name) -> "_PlannedZone":
    asked = [(change.name, change.type) for change in changes]
    asked += [(change.name, rdtype) for change in changes if (rdtype := deciding_type(change, apex))]
    questions = list(dict.fromkeys(asked))
    cname_owners = list(dict.fromkeys(change.name for change in changes if change.type == CNAME))
    dname_owners = list(dict.fromkeys(change.name for change in changes if may_hide_names(change)))
    nodes, types = _query_data(connection, questions, cname_owners)
    in_children = _names_in_children(connection, changes, nodes, apex)
    # PowerDNS shows what is below a DNAME as if that were not there, unless `dname-processing` is on
    dnames_above = query_dnames_above(
        connection, apex, list({change.name for change in changes}), in_children
    )
    zone = _PlannedZone(apex, nodes, dnames_above)
    for name, found in types.items():
        zone.types[name] |= found
    zone.forget(in_children)
    if unseen := [question for question, node in zone.answered.items() if _is_hidden(node)]:
        zone.reveal(read_hidden(connection, apex, unseen))
    if dname_owners:
        zone.above_data = names_above_data(connection, apex, dname_owners)
    return zone


def _query_data(
    connection: Connection, questions: Sequence[Question], names: Sequence[dns.name.Name]
) -> tuple[Nodes, Types]:
    """Return the nodes that are asked for, and the types at these names; without what wildcards answer."""
    nodes = dict(zip(questions, query_nodes(connection, questions), strict=True))
    types = dict(zip(names, query_types(connection, names), strict=True))
    shown = {name for (name, _), node in nodes.items() if isinstance(node, Node) and _shows_data(node)}
    absent = query_synthesized(connection, sorted(shown | {name for name in names if types[name]}))
    there = {each: NONEXISTENT if each[0] in absent else node for each, node in nodes.items()}
    return there, {name: found for name, found in types.items() if name not in absent}


def _names_in_children(
    connection: Connection, changes: Sequence[Change], nodes: Nodes, apex: dns.name.Name
) -> set[dns.name.Name]:
    """Return the names at or below a zone of its own that the server has, too: it answers from that one.

    A zone's own apex is asked for where a change is about its delegation, or the server shows data.
    """
    names = {change.name for change in changes}
    above = {name: set(map(dns.name.Name, names_above(name, apex))) - {apex} for name in names}
    at_cuts = {change.name for change in changes if change.type in (NS, DS)}
    shown = {name for (name, _), node in nodes.items() if isinstance(node, Node) and _shows_data(node)}
    asked = list(((at_cuts | shown) - {apex}).union(*above.values()))
    found = query_nodes(connection, [(name, SOA) for name in asked])
    children = {
        name for name, node in zip(asked, found, strict=True) if isinstance(node, Node) and node.rrset
    }
    return {name for name in names | children if name in children or not children.isdisjoint(above[name])}


def _is_hidden(node: Node | Rcode) -> bool:
    return isinstance(node, Node) and node.occluded and not node.below_dname


def _shows_data(node: Node) -> bool:
    return not node.occluded and (node.rrset or node.cname) is not None


@dataclass(slots=True)
class _PlannedZone:
    """The zone as the server shows it, and as the changes so far would leave it."""

    apex: dns.name.Name
    answered: Nodes
    dnames_above: Mapping[dns.name.Name, set[dns.name.Name]]
    above_data: set[dns.name.Name] = field(default_factory=set)
    types: dict[dns.name.Name, set[RdataType]] = field(default_factory=lambda: defaultdict(set))
    planned: dict[Question, RRset | None] = field(default_factory=dict)
    revealed: set[Question] = field(default_factory=set)

    def forget(self, names: set[dns.name.Name]) -> None:
        """Forget what was answered of names from another zone."""
        self.answered = {each: UNSEEN if each[0] in names else node for each, node in self.answered.items()}
        self.dnames_above = {name: owners - names for name, owners in self.dnames_above.items()}
        for name in names:
            self.types.pop(name, None)

    def reveal(self, revealed: Revealed) -> None:
        """Take over what is where no answer shows it."""
        self.answered = {**self.answered, **revealed.nodes}
        self.revealed = set(revealed.nodes)
        for name, types in revealed.types.items():
            self.types[name] |= types

    def is_in_doubt(self, change: Change) -> bool:
        """Whether what decides about a change is hidden, so that nobody can tell what becomes of it."""
        questions = [(change.name, change.type)]
        if decides := deciding_type(change, self.apex):
            questions.append((change.name, decides))
        return any(_is_hidden(self.answered[each]) and each not in self.planned for each in questions)

    def fits(self, step: Step, node: Node) -> bool:
        """Whether a message carries the step, with the condition that what is there is there.

        Where no answer shows that, its values are the only prerequisite that says so.
        """
        change = step.group[0]
        if (change.name, change.type) not in self.revealed:
            return step.fits or (not node.occluded and without_values(step, self.apex).fits)
        there = rrset_equals(node.rrset) if node.rrset and step.updates else ()
        condition = [line for line in there if line not in step.prerequisites]
        return step.fits and step.size + size_in_message(change.name, self.apex, condition) <= MAX_STEPS_SIZE

    def node(self, change: Change) -> Node | Rcode:
        """Return what is at the owner name before the change, or the code of a server that does not say."""
        answered = self.answered[change.name, change.type]
        if isinstance(answered, Rcode):
            return answered
        rrset = answered.rrset  # of what no answer shows, nothing is known after a change, either
        if not answered.occluded:
            rrset = self.planned.get((change.name, change.type), rrset)
        cname = self.planned.get((change.name, CNAME), answered.cname)
        in_use = InUse.YES if rrset or self.types[change.name] else InUse.UNKNOWN
        return Node(in_use, rrset, cname, answered.occluded, self._is_below_dname(change))

    def _is_below_dname(self, change: Change) -> bool:
        above = map(dns.name.Name, names_above(change.name, self.apex))
        there = self.dnames_above.get(change.name, set())
        return any(self.planned.get((owner, DNAME), owner in there) for owner in above)

    def conflict(self, change: Change, before: Node) -> Result | None:
        """Return the failure of a change by what is beside it, or below a DNAME; None where there is none."""
        decides = deciding_type(change, self.apex)
        if decides is not None and (change.action != "delete" or _removes_all(change, before)):
            node = self.answered[change.name, decides]
            there = node.rrset if isinstance(node, Node) else None
            is_there = bool(self.planned.get((change.name, decides), there))
            if conflict := conflict_beside(change, self.apex, is_there=is_there):
                return conflict
        is_hiding = may_hide_names(change) and not self.planned.get((change.name, DNAME))
        return dname_above_data(change) if is_hiding and change.name in self.above_data else None

    def apply(self, change: Change, before: RRset | None) -> None:
        """Apply a change to the plan; `before` is the RRset that it meets."""
        after = _rrset_after(change, before)
        self.planned[change.name, change.type] = after
        for name in map(dns.name.Name, names_above(change.name, self.apex)):
            # whether other data is left below it, nobody has asked
            self.above_data.add(name) if after else self.above_data.discard(name)
        types = self.types[change.name]
        types.add(change.type) if after else types.discard(change.type)


def _removes_all(change: Change, before: Node) -> bool:
    if before.rrset is None:
        return before.occluded and change.is_of_all_expected
    return _rrset_after(change, before.rrset) is None


def _rrset_after(change: Change, before: RRset | None) -> RRset | None:
    old = before.values if before else frozenset()
    change = spelled_as_there(change, old)
    values = frozenset(change.values)
    if change.action == "delete":
        left = frozenset() if change.is_of_whole_rrset else old - values
        return RRset(before.ttl, left) if before and left else None
    return RRset(change.ttl, values | old if change.action == "create" else values)

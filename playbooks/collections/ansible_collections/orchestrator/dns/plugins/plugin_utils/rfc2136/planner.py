"""Plans what to send for changes, given what is there.

Servers answer NOERROR to much that they silently ignore, such as a CNAME beside other data, or a deletion of
the last NS of the apex. So a step also carries prerequisites for all that its plan assumes. A step that
changes nothing consists of prerequisites alone, by which the server confirms that. If one does not hold,
somebody else has changed the records, or an answer was made from a wildcard: then the caller plans again.
"""

from typing import NamedTuple

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change, State
from ansible_collections.orchestrator.dns.plugins.plugin_utils.expect import state_after
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.spelling import spelled_as_there
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import below_dname, deciding_type
from dns.rdata import Rdata
from dns.rdatatype import CNAME, DS

from .dependencies import Group
from .node import SOME_CNAME, InUse, Node, RRset, state_of
from .rrset_updates import (
    CNAME_ABSENT,
    CNAME_EXISTS,
    NAME_IN_USE,
    NAME_NOT_IN_USE,
    Instructions,
    add,
    delete_values,
    must_be_set,
    rrset_equals,
    set_rrset,
    shrink,
)
from .update_message import Instruction, Kind, Step, size_in_message


class _Plan(NamedTuple):
    """The results of a group's changes, the instructions that make them true, and the RRset that grows."""

    results: tuple[Result, ...]
    prerequisites: Instructions = ()
    updates: Instructions = ()
    grown: RRset | None = None


class Planner:
    """Plans changes of one zone: single ones, and creates of one RRset together.

    What a change expects becomes a prerequisite: that is for names that the server's answers do not show.
    Everywhere else NamePlanner compares it with what is there.
    """

    def __init__(self, zone: dns.name.Name) -> None:
        self.zone = zone

    def plan(self, group: Group, node: Node) -> Step:
        """Return the step that carries out a change, or several creates of one RRset, given what is there."""
        plan = self._plan(group, node)
        if len(group) == 1:
            plan = plan._replace(results=(plan.results[0]._replace(before=_before(group[0], node)),))
        expected = _as_expected(group[0])
        prerequisites = (*plan.prerequisites, *(line for line in expected if line not in plan.prerequisites))
        size = size_in_message(group[0].name, self.zone, (*prerequisites, *plan.updates))
        grown = () if plan.grown is None else (plan.grown,)
        return Step(group, plan.results, prerequisites, plan.updates, size, grown)

    def plan_made_before(self, group: Group) -> Step:
        """Return the step of a change that was made already, by a run of which nobody knows how it ended.

        The server confirms that what it makes of the RRset that it expects is there.
        """
        (change,) = group
        assert change.expect is not None
        made = _are_there(change, state_after(change, change.expect))
        size = size_in_message(change.name, self.zone, made)
        return Step(group, (result.unchanged(change),), made, (), size)

    def _plan(self, group: Group, node: Node) -> _Plan:
        known = node.rrset or group[0].expect  # where no answer shows it, it is as expected or stays
        first = spelled_as_there(group[0], known.values if known else ())
        if first.action == "delete":
            return self._delete(first, node)
        conflict = self._conflict(first, node)
        if conflict is not None:
            failure, prerequisites = conflict
            return _Plan((failure,) * len(group), prerequisites)
        if first.action == "create":
            return self._create(group, node)
        return self._replace(first, node)

    # --- conflicts with what is there

    def _conflict(self, change: Change, node: Node) -> tuple[Result, Instructions] | None:
        """Return the failure of a change that can't be carried out, and the prerequisites that confirm it."""
        if node.below_dname:
            return below_dname(change), ()
        expects_none = change.expect is not None and not change.expect.values
        if change.action == "update" and node.rrset is None and (expects_none or not node.occluded):
            return result.rrset_missing(change), (Instruction(Kind.RRSET_ABSENT, change.type),)
        if several := result.several_dnames(change):
            return several, ()
        if change.type == CNAME:
            return self._cname_conflict(change, node)
        if node.cname is not None:
            return result.data_beside_cname(change), (NAME_IN_USE, CNAME_EXISTS)
        return None

    def _cname_conflict(self, change: Change, node: Node) -> tuple[Result, Instructions] | None:
        if change.name == self.zone:
            return result.cname_at_apex(change), ()
        if len(change.values) > 1:
            return result.several_cnames(change), ()
        if node.cname is SOME_CNAME and change.action == "create":
            return result.another_cname(change), (NAME_IN_USE, CNAME_EXISTS)
        if node.rrset is None:
            if node.in_use is not InUse.YES or node.occluded:
                return None
            return result.cname_beside_data(change), (NAME_IN_USE, CNAME_ABSENT)
        if change.action == "create" and node.rrset.values != set(change.values):
            return result.another_cname(change), rrset_equals(node.rrset)
        return None

    # --- the actions

    def _create(self, group: Group, node: Node) -> _Plan:
        before = after = node.rrset
        found: list[Result] = []
        for change in group:
            there = state_of(after)
            old_values = after.values if after else frozenset()
            known = old_values or (change.expect.values if change.expect else frozenset())
            if conflict := result.alone_conflict(change, known):
                found.append(conflict._replace(before=there))
                continue
            merged = RRset(change.ttl, old_values | frozenset(spelled_as_there(change, old_values).values))
            outcome = result.unchanged(change) if merged == after else result.applied(change)
            found.append(outcome._replace(before=there))
            after = merged
        results = tuple(found)
        if after is None:  # each asks for a value that stands alone and for another
            return _Plan(results)
        if before == after:
            return _Plan(results, rrset_equals(after))
        if before is not None and before.ttl != after.ttl:
            updates = set_rrset(group[0].type, before, after, is_apex_ns=group[0].is_apex_ns(self.zone))
            return _Plan(results, rrset_equals(before), updates, after)
        added = after.values - before.values if before else after.values
        return _Plan(results, self._no_conflict(group[0], node), (add(after, added),), after)

    def _replace(self, change: Change, node: Node) -> _Plan:
        """Plan an update or an upsert."""
        before, after = node.rrset, RRset(change.ttl, frozenset(change.values))
        if before == after:
            return _Plan((result.unchanged(change),), rrset_equals(after))
        if before is not None and change.is_apex_ns(self.zone):
            prerequisites = rrset_equals(before)
        elif change.action == "update" or (before is not None and change.type == CNAME):
            prerequisites = (NAME_IN_USE, Instruction(Kind.RRSET_EXISTS, change.type))
        else:
            prerequisites = self._no_conflict(change, node)
        updates = set_rrset(change.type, before, after, is_apex_ns=change.is_apex_ns(self.zone))
        return _Plan((result.applied(change),), prerequisites, updates, after)

    def _delete(self, change: Change, node: Node) -> _Plan:
        if node.rrset is None:
            return self._delete_unseen(change, node)
        whole = change.is_of_whole_rrset
        present = node.rrset.values if whole else node.rrset.values & set(change.values)
        if not present:
            return _Plan((result.unchanged(change),), rrset_equals(node.rrset))
        if change.is_apex_ns(self.zone):
            if present == node.rrset.values:
                return _Plan((result.last_apex_ns(change),), rrset_equals(node.rrset))
            prerequisites, updates = rrset_equals(node.rrset), delete_values(change.type, present)
        elif must_be_set(change.type, node.rrset) and not node.occluded and not whole:
            prerequisites, updates = rrset_equals(node.rrset), shrink(change.type, node.rrset, present)
        else:
            prerequisites = () if node.occluded else (NAME_IN_USE,)
            updates = delete_values(change.type, () if whole else present)
        return _Plan((result.applied(change),), prerequisites, updates)

    def _delete_unseen(self, change: Change, node: Node) -> _Plan:
        if not node.occluded:
            return _Plan((result.unchanged(change),), (Instruction(Kind.RRSET_ABSENT, change.type),))
        if change.patterns:
            return _Plan((result.hidden_from_pattern(change),))
        beside = self._beside(change) if change.is_of_all_expected else ()
        return _Plan((result.applied(change),), beside, delete_values(change.type, change.values))

    def _no_conflict(self, change: Change, node: Node) -> Instructions:
        """Return the prerequisites for adding data: nothing that excludes it may be at the name."""
        if change.type == CNAME:
            if node.in_use is not InUse.YES:
                return (NAME_NOT_IN_USE,)
            same = Instruction(Kind.RRSET_EQUALS, values=change.values)
            return (NAME_IN_USE, same if change.action == "create" else CNAME_EXISTS)
        if node.occluded:
            return (CNAME_ABSENT, *self._beside(change))
        if change.type in result.STAND_ALONE and change.action == "create" and node.rrset is not None:
            # a value that stands alone, such as a null MX, may take its place meanwhile
            return (*rrset_equals(node.rrset), CNAME_ABSENT)
        as_seen = NAME_IN_USE if node.rrset else Instruction(Kind.RRSET_ABSENT, change.type)
        return (as_seen, CNAME_ABSENT, *self._beside(change))

    def _beside(self, change: Change) -> Instructions:
        """Return the prerequisite about the type that decides; where it can be seen, NamePlanner looks."""
        decides = deciding_type(change, self.zone)
        if decides is None:
            return ()
        return (Instruction(Kind.RRSET_EXISTS if change.type == DS else Kind.RRSET_ABSENT, decides),)


def _before(change: Change, node: Node) -> State | None:
    """Return what was there when the step is carried out; None if no answer showed it."""
    return change.expect if node.rrset is None and node.occluded else state_of(node.rrset)


def _as_expected(change: Change) -> Instructions:
    """Return the prerequisites that the RRset is as a change expects it; only the server can see it."""
    return () if change.expect is None else _are_there(change, change.expect)


def _are_there(change: Change, state: State) -> Instructions:
    """Return the prerequisite that the RRset has these values."""
    if not state.values:
        return (Instruction(Kind.RRSET_ABSENT, change.type),)
    values = tuple(value for value in state.values if isinstance(value, Rdata))
    return (Instruction(Kind.RRSET_EQUALS, values=values),)

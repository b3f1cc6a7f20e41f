"""Plans what to send for changes, given what is there.

Servers answer NOERROR to much that they silently ignore, such as a CNAME beside other data, or a deletion of
the last NS of the apex. So a step also carries prerequisites for all that its plan assumes. A step that
changes nothing consists of prerequisites alone, by which the server confirms that. If one does not hold,
somebody else has changed the records, or an answer was made from a wildcard: then the caller plans again.
"""

from collections.abc import Collection
from typing import NamedTuple

import dns.name
import dns.rdata
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from dns.rdatatype import CNAME

from .dependencies import Group
from .node import InUse, Node, RRset
from .update_message import Instruction, Kind, Step, size_in_message

_NAME_IN_USE = Instruction(Kind.NAME_IN_USE)
_NAME_NOT_IN_USE = Instruction(Kind.NAME_NOT_IN_USE)
_CNAME_EXISTS = Instruction(Kind.RRSET_EXISTS, CNAME)
_CNAME_ABSENT = Instruction(Kind.RRSET_ABSENT, CNAME)
_TEMPORARY_NS = (dns.rdata.from_text("IN", "NS", "ttl-change.invalid."),)

_Instructions = tuple[Instruction, ...]


class _Plan(NamedTuple):
    """The results of a group's changes, and the instructions that make them true."""

    results: tuple[Result, ...]
    prerequisites: _Instructions = ()
    updates: _Instructions = ()


class Planner:
    """Plans changes of one zone."""

    def __init__(self, zone: dns.name.Name) -> None:
        self._zone = zone

    def plan(self, group: Group, node: Node) -> Step:
        """Return the step that carries out a group of changes, given what is at their owner name."""
        plan = self._plan(group, node)
        size = size_in_message(group[0].name, self._zone, (*plan.prerequisites, *plan.updates))
        return Step(group, *plan, size)

    def _plan(self, group: Group, node: Node) -> _Plan:
        first = group[0]
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

    def _conflict(self, change: Change, node: Node) -> tuple[Result, _Instructions] | None:
        """Return the failure of a change that can't be carried out, and the prerequisites that confirm it."""
        if change.action == "update" and node.rrset is None and not node.occluded:
            return result.rrset_missing(change), (Instruction(Kind.RRSET_ABSENT, change.type),)
        if change.type == CNAME:
            return self._cname_conflict(change, node)
        if node.cname is not None:
            return result.data_beside_cname(change), (_NAME_IN_USE, _CNAME_EXISTS)
        return None

    def _cname_conflict(self, change: Change, node: Node) -> tuple[Result, _Instructions] | None:
        if change.name == self._zone:
            return result.cname_at_apex(change), ()
        if len(change.values) > 1:
            return result.several_cnames(change), ()
        if node.rrset is None:
            if node.in_use is not InUse.YES:
                return None
            return result.cname_beside_data(change), (_NAME_IN_USE, _CNAME_ABSENT)
        if change.action == "create" and node.rrset.values != set(change.values):
            return result.another_cname(change), _rrset_equals(node.rrset)
        return None

    # --- the actions

    def _create(self, group: Group, node: Node) -> _Plan:
        before = after = node.rrset
        found: list[Result] = []
        for change in group:
            old_values = after.values if after else frozenset()
            merged = RRset(change.ttl, old_values | frozenset(change.values))
            found.append(result.unchanged(change) if merged == after else result.applied("added", change))
            after = merged
        assert after is not None  # a group holds a change
        results = tuple(found)
        if before == after:
            return _Plan(results, _rrset_equals(after))
        if before is not None and before.ttl != after.ttl:
            return _Plan(results, _rrset_equals(before), self._set_rrset(group[0], before, after))
        added = after.values - before.values if before else after.values
        return _Plan(results, _no_conflict(group[0], node), _add(after.ttl, added))

    def _replace(self, change: Change, node: Node) -> _Plan:
        """Plan an update or an upsert."""
        before, after = node.rrset, RRset(change.ttl, frozenset(change.values))
        if before == after:
            return _Plan((result.unchanged(change),), _rrset_equals(after))
        if before is not None and change.is_apex_ns(self._zone):
            prerequisites = _rrset_equals(before)
        elif change.action == "update" or (before is not None and change.type == CNAME):
            prerequisites = (_NAME_IN_USE, Instruction(Kind.RRSET_EXISTS, change.type))
        else:
            prerequisites = _no_conflict(change, node)
        updates = self._set_rrset(change, before, after)
        return _Plan((result.applied("set to", change),), prerequisites, updates)

    def _delete(self, change: Change, node: Node) -> _Plan:
        if node.rrset is None:
            if not node.occluded:
                return _Plan((result.unchanged(change),), (Instruction(Kind.RRSET_ABSENT, change.type),))
            return _Plan((result.applied("removed", change),), (), _delete_values(change, change.values))
        present = node.rrset.values & set(change.values) if change.values else node.rrset.values
        if not present:
            return _Plan((result.unchanged(change),), _rrset_equals(node.rrset))
        if change.is_apex_ns(self._zone):
            if present == node.rrset.values:
                return _Plan((result.last_apex_ns(change),), _rrset_equals(node.rrset))
            prerequisites, updates = _rrset_equals(node.rrset), _delete_values(change, present)
        else:
            prerequisites = () if node.occluded else (_NAME_IN_USE,)
            updates = _delete_values(change, present if change.values else ())
        return _Plan((result.applied("removed", change),), prerequisites, updates)

    def _set_rrset(self, change: Change, before: RRset | None, after: RRset) -> _Instructions:
        """Return the updates that turn an RRset into another, all in one message.

        A server silently ignores a deletion of the apex NS RRset (RFC 2136 section 3.4.2.3), and one of its
        last value (section 3.4.2.4). So there the new values come first, and the old ones go one by one.
        """
        added = _add(after.ttl, after.values)
        if not change.is_apex_ns(self._zone):
            return (Instruction(Kind.DELETE_RRSET, change.type), *added)
        if before is None:
            return added
        deleted = before.values - after.values
        return (*added, *_set_ttl(before, after), *(_delete_values(change, deleted) if deleted else ()))


def _no_conflict(change: Change, node: Node) -> _Instructions:
    """Return the prerequisites for adding data: nothing that excludes it may be at the name."""
    if change.type == CNAME:
        return (_NAME_NOT_IN_USE,)
    if node.occluded:
        return (_CNAME_ABSENT,)
    as_seen = _NAME_IN_USE if node.rrset else Instruction(Kind.RRSET_ABSENT, change.type)
    return (as_seen, _CNAME_ABSENT)


def _rrset_equals(rrset: RRset) -> _Instructions:
    """Return the prerequisites that an RRset still has exactly these values; its TTL can't be one."""
    return (_NAME_IN_USE, Instruction(Kind.RRSET_EQUALS, values=tuple(rrset.values)))


def _set_ttl(before: RRset, after: RRset) -> _Instructions:
    """Return what changes the TTL of the apex NS RRset if no value is new.

    Knot ignores a value that is there already, and its TTL too. It takes over the TTL of a new value, even of
    one that is deleted by the same message.
    """
    if before.ttl == after.ttl or after.values - before.values:
        return ()
    return (*_add(after.ttl, _TEMPORARY_NS), Instruction(Kind.DELETE_VALUES, values=_TEMPORARY_NS))


def _add(ttl: int, values: Collection[dns.rdata.Rdata]) -> _Instructions:
    return (Instruction(Kind.ADD_VALUES, values=sorted(values), ttl=ttl),)


def _delete_values(change: Change, values: Collection[dns.rdata.Rdata]) -> _Instructions:
    """Return the deletion of the values, or of the whole RRset if none are given."""
    if not values:
        return (Instruction(Kind.DELETE_RRSET, change.type),)
    return (Instruction(Kind.DELETE_VALUES, values=sorted(values)),)

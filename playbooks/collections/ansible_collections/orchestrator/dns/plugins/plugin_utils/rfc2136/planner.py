"""Planning: from what is there and what is asked for to the step that makes it so.

Servers answer NOERROR to much that they silently ignore: a CNAME beside other data, an apex without NS, and
more. So a step also says what it takes for granted, as prerequisites; a step that only fails or changes
nothing has the server confirm that. A prerequisite that does not hold means that somebody was faster, or that
the answer was made from a wildcard: then the caller looks again.
"""

import dns.name
import dns.rdata
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result as verdict
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from dns.rdatatype import CNAME

from .node import Node, RRset, Use
from .update_message import (
    Add,
    Group,
    Instruction,
    NameInUse,
    NameNotInUse,
    RemoveRRset,
    RemoveValue,
    RRsetAbsent,
    RRsetExists,
    RRsetIs,
    Step,
)

_PASSING = dns.rdata.from_text("IN", "NS", "passing.invalid.")


def plan(group: Group, node: Node, zone: dns.name.Name) -> Step:
    """Return the step for changes of one RRset that may go together (see `wave`)."""
    first = group[0]
    if first.action == "delete":
        return _delete(first, node, zone)
    refusal = _refusal(first, node, zone)
    if refusal is not None:
        result, prerequisites = refusal
        return Step(group, (result,) * len(group), prerequisites)
    if first.action == "create":
        return _create(group, node, zone)
    return _replace(first, node, zone)


# --- what can't be done ---

Refusal = tuple[Result, tuple[Instruction, ...]]


def _refusal(change: Change, node: Node, zone: dns.name.Name) -> Refusal | None:
    if change.action == "update" and node.rrset is None and not node.hidden:
        return verdict.rrset_missing(change), (RRsetAbsent(change.name, change.type),)
    if change.type == CNAME:
        return _cname_refusal(change, node, zone)
    if node.cname is not None:
        return verdict.beside_cname(change), (NameInUse(change.name), RRsetExists(change.name, CNAME))
    return None


def _cname_refusal(change: Change, node: Node, zone: dns.name.Name) -> Refusal | None:
    if change.name == zone:
        return verdict.cname_at_apex(change), ()
    if len(change.values) > 1:
        return verdict.several_cnames(change), ()
    if node.rrset is None:
        if node.use is not Use.YES:
            return None
        alone = (NameInUse(change.name), RRsetAbsent(change.name, CNAME))
        return verdict.cname_beside_data(change), alone
    if change.action == "create" and node.rrset.values != set(change.values):
        return verdict.second_cname(change), _is_still(change.name, node.rrset)
    return None


# --- create ---


def _create(group: Group, node: Node, zone: dns.name.Name) -> Step:
    name, before = group[0].name, node.rrset
    after, results = before, []
    for change in group:
        grown = RRset(change.ttl, frozenset(change.values) | (after.values if after else frozenset()))
        results.append(verdict.applied("added", change) if grown != after else verdict.unchanged(change))
        after = grown
    assert after is not None  # a group holds a change
    if before == after:
        return Step(group, tuple(results), _is_still(name, before))
    if before is not None and before.ttl != after.ttl:
        return Step(group, tuple(results), _is_still(name, before), _swap(group[0], before, after, zone))
    old = before.values if before else frozenset()
    added = tuple(Add(name, after.ttl, value) for value in _ordered(after.values - old))
    return Step(group, tuple(results), _room_for(group[0], node), added)


def _room_for(change: Change, node: Node) -> tuple[Instruction, ...]:
    """Return the prerequisites for adding data: nothing that excludes it may be at the name."""
    if change.type == CNAME:
        return (NameNotInUse(change.name),)
    no_cname = RRsetAbsent(change.name, CNAME)
    if node.hidden:
        return (no_cname,)
    seen = NameInUse(change.name) if node.rrset else RRsetAbsent(change.name, change.type)
    return (seen, no_cname)


# --- update and upsert ---


def _replace(change: Change, node: Node, zone: dns.name.Name) -> Step:
    before, after = node.rrset, RRset(change.ttl, frozenset(change.values))
    if before == after:
        return Step((change,), (verdict.unchanged(change),), _is_still(change.name, before))
    updates = _swap(change, before, after, zone)
    return Step((change,), (verdict.applied("set to", change),), _replaceable(change, node, zone), updates)


def _replaceable(change: Change, node: Node, zone: dns.name.Name) -> tuple[Instruction, ...]:
    if node.rrset is not None and verdict.is_apex_ns(change, zone):
        return _is_still(change.name, node.rrset)
    if change.action == "update" or (change.type == CNAME and node.rrset is not None):
        return (NameInUse(change.name), RRsetExists(change.name, change.type))
    return _room_for(change, node)


def _swap(change: Change, before: RRset | None, after: RRset, zone: dns.name.Name) -> tuple[Instruction, ...]:
    """Return the updates that turn an RRset into another, all in one message.

    The apex NS RRset can't be removed, servers skip that without a word (RFC 2136 section 3.4.2.4): there the
    new values come first and the old ones go one by one.
    """
    adds = tuple(Add(change.name, after.ttl, value) for value in _ordered(after.values))
    if not verdict.is_apex_ns(change, zone):
        return (RemoveRRset(change.name, change.type), *adds)
    old = before or after
    removals = tuple(RemoveValue(change.name, value) for value in _ordered(old.values - after.values))
    return (*adds, *_set_ttl(change, old, after), *removals)


def _set_ttl(change: Change, before: RRset, after: RRset) -> tuple[Instruction, ...]:
    """Return what makes the TTL change when no value is new.

    Knot passes over a value that is there, TTL and all. It takes the TTL of a new one, even one that goes.
    """
    if before.ttl == after.ttl or after.values - before.values:
        return ()
    return (Add(change.name, after.ttl, _PASSING), RemoveValue(change.name, _PASSING))


# --- delete ---


def _delete(change: Change, node: Node, zone: dns.name.Name) -> Step:
    if node.hidden and node.rrset is None:
        return Step((change,), (_removed(change),), (), _removals(change, frozenset(change.values)))
    if node.rrset is None:
        return Step((change,), (verdict.unchanged(change),), (RRsetAbsent(change.name, change.type),))
    doomed = node.rrset.values & frozenset(change.values or node.rrset.values)
    if not doomed:
        return Step((change,), (verdict.unchanged(change),), _is_still(change.name, node.rrset))
    if not verdict.is_apex_ns(change, zone):
        updates = _removals(change, doomed if change.values else frozenset())
        return Step((change,), (_removed(change),), _seen(change, node), updates)
    if doomed == node.rrset.values:
        return Step((change,), (verdict.last_apex_ns(change),), _is_still(change.name, node.rrset))
    return Step(
        (change,),
        (_removed(change),),
        _is_still(change.name, node.rrset),
        _removals(change, doomed),
    )


def _removed(change: Change) -> Result:
    return verdict.applied("removed", change)


def _seen(change: Change, node: Node) -> tuple[Instruction, ...]:
    return () if node.hidden else (NameInUse(change.name),)


def _removals(change: Change, values: frozenset[dns.rdata.Rdata]) -> tuple[Instruction, ...]:
    if not values:
        return (RemoveRRset(change.name, change.type),)
    return tuple(RemoveValue(change.name, value) for value in _ordered(values))


# --- shared ---


def _is_still(name: dns.name.Name, rrset: RRset) -> tuple[Instruction, ...]:
    return (NameInUse(name), RRsetIs(name, rrset))


def _ordered(values: frozenset[dns.rdata.Rdata]) -> list[dns.rdata.Rdata]:
    return sorted(values)

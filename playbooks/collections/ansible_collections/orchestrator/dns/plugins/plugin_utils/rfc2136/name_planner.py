"""Plans several changes of one owner name as one step, so that it is never without data on the way."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.expect import holds, made_before
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.spelling import spelled_as_there
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import (
    conflict_beside,
    deciding_type,
    dname_above_data,
    may_hide_names,
)
from dns import rdatatype
from dns.rdatatype import CNAME, DS, RdataType

from .dependencies import Group
from .node import Node, RRset, state_of
from .rrset_updates import (
    CNAME_ABSENT,
    NAME_IN_USE,
    NAME_NOT_IN_USE,
    Instructions,
    add,
    delete_values,
    must_be_set,
    rrset_equals,
    set_rrset,
)
from .update_message import Instruction, Kind, Step, size_in_message

RRsets = Mapping[RdataType, RRset]  # what is at an owner name

_LIKELY_TYPES = tuple(  # at a name that becomes an alias; no prerequisite says "nothing but these types"
    map(
        rdatatype.from_text,
        [
            "A",
            "AAAA",
            "TXT",
            "MX",
            "NS",
            "SRV",
            "CAA",
            "PTR",
            "DNAME",
            "DS",
            "TLSA",
            "SSHFP",
            "NAPTR",
            "SVCB",
            "HTTPS",
            "LOC",
            "HINFO",
            "RP",
            "URI",
            "CERT",
            "SPF",
            "OPENPGPKEY",
        ],
    )
)


@dataclass(frozen=True, slots=True)
class NameState:
    """What is at an owner name: the RRsets that changes are about, its CNAME, and the types of the rest.

    `hidden` says that the server's answers do not show all data, at or below a delegation, or below a DNAME;
    `is_above_data` that names below it have data, which is known where a DNAME is asked for; `is_supposed`
    that this is not what the server shows, but what the changes expect.
    """

    rrsets: RRsets
    other_types: Collection[RdataType] = ()
    hidden: bool = False
    below_dname: bool = False
    is_above_data: bool = False
    is_supposed: bool = False


NOTHING = NameState({})


def read_state(nodes: Mapping[RdataType, Node], types: Collection[RdataType]) -> NameState:
    """Return what is at an owner name, by the answers for its types, and all types that are known."""
    rrsets = {rdtype: node.rrset for rdtype, node in nodes.items() if node.rrset is not None}
    for node in nodes.values():
        if node.cname is not None:
            rrsets[CNAME] = node.cname
    hidden = any(node.occluded for node in nodes.values())
    below_dname = any(node.below_dname for node in nodes.values())
    return NameState(rrsets, set(types) - rrsets.keys() - nodes.keys(), hidden, below_dname)


class NamePlanner:
    """Plans groups of changes of a zone."""

    def __init__(self, zone: dns.name.Name) -> None:
        self._zone = zone

    def plan(self, group: Group, before: NameState) -> Step:
        """Return the step that carries out a group; a change that can't be carried out fails alone."""
        after: RRsets = before.rrsets
        results: list[Result] = []
        made = made_before(group, lambda change: state_of(before.rrsets.get(change.type)))
        for place, change in enumerate(group):
            there = state_of(after.get(change.type))
            if place in made:
                outcome = result.unchanged(change)
            else:
                outcome, after = self._apply(change, after, before)
            results.append(outcome._replace(before=there))
        prerequisites = self._prerequisites(group, before, after)
        updates = _updates(before.rrsets, after, is_apex=group[0].name == self._zone)
        size = size_in_message(group[0].name, self._zone, (*prerequisites, *updates))
        grown = tuple(rrset for rdtype, rrset in after.items() if rrset != before.rrsets.get(rdtype))
        return Step(group, tuple(results), prerequisites, updates, size, grown)

    def _apply(self, change: Change, there: RRsets, at_first: NameState) -> tuple[Result, RRsets]:
        """Return a change's result, and what is there after it."""
        before = there.get(change.type)
        if change.expect is not None and not holds(change.expect, state_of(before)):
            return result.state_changed(change, state_of(before)), there
        change = spelled_as_there(change, before.values if before else ())
        others = there.keys() - {change.type}
        has_other_data = bool(others or at_first.other_types)
        conflict = self._conflict(change, before, others, has_other_data=has_other_data)
        if conflict is not None:
            return conflict, there
        if may_hide_names(change) and before is None and at_first.is_above_data:
            return dname_above_data(change), there
        after = _rrset_after(change, before)
        if after == before:
            return result.unchanged(change), there
        rest = {rdtype: rrset for rdtype, rrset in there.items() if rdtype != change.type}
        return result.applied(change), rest | ({change.type: after} if after else {})

    def _conflict(
        self, change: Change, before: RRset | None, others: Collection[RdataType], *, has_other_data: bool
    ) -> Result | None:
        """Return the failure of a change that can't be carried out."""
        if change.action == "delete":
            if before is None or _rrset_after(change, before) is not None:
                return None
            is_last = change.is_apex_ns(self._zone)
            beside = conflict_beside(change, self._zone, is_there=DS in others)
            return result.last_apex_ns(change) if is_last else beside
        if change.action == "update" and before is None:
            return result.rrset_missing(change)
        values = before.values if before else frozenset()
        if change.type == CNAME:
            return result.cname_conflict(change, self._zone, values, has_other_data=has_other_data)
        if CNAME in others:
            return result.data_beside_cname(change)
        decides = deciding_type(change, self._zone)
        beside = conflict_beside(change, self._zone, is_there=decides in others)
        return beside or result.alone_conflict(change, values)

    def _prerequisites(self, group: Group, before: NameState, after: RRsets) -> Instructions:
        """Return the prerequisites that everything is as the plan has it."""
        decide = (deciding_type(change, self._zone) for change in group)
        asked = dict.fromkeys([*(change.type for change in group), *filter(None, decide)])
        return _as_planned(asked, before, after)


def _rrset_after(change: Change, before: RRset | None) -> RRset | None:
    old, named = before.values if before else frozenset(), frozenset(change.values)
    if change.action == "delete":
        left = frozenset() if change.is_of_whole_rrset else old - named
        return RRset(before.ttl, left) if before and left else None
    return RRset(change.ttl, old | named if change.action == "create" else named)


def _updates(before: RRsets, after: RRsets, *, is_apex: bool) -> Instructions:
    """Return the updates that turn what is there into another: removals first, to make room."""
    removed = [delete_values(rdtype, ()) for rdtype in before.keys() - after.keys()]
    changed = [
        _change(rdtype, before.get(rdtype), rrset, is_apex_ns=is_apex and rdtype == rdatatype.NS)
        for rdtype, rrset in after.items()
        if rrset != before.get(rdtype)
    ]
    return tuple(instruction for instructions in (*removed, *changed) for instruction in instructions)


def _change(rdtype: RdataType, before: RRset | None, after: RRset, *, is_apex_ns: bool) -> Instructions:
    if before is None:
        return (add(after, after.values),)
    added, removed = after.values - before.values, before.values - after.values
    if before.ttl == after.ttl and not removed:
        return (add(after, added),)
    if before.ttl == after.ttl and not added and not must_be_set(rdtype, after):
        return delete_values(rdtype, removed)
    return set_rrset(rdtype, before, after, is_apex_ns=is_apex_ns)


def _as_planned(asked: Mapping[RdataType, None], before: NameState, after: RRsets) -> Instructions:
    equal = [rrset_equals(rrset)[1] for rrset in before.rrsets.values()]
    absent = [Instruction(Kind.RRSET_ABSENT, rdtype) for rdtype in asked if rdtype not in before.rrsets]
    if not equal and not before.other_types:
        return (NAME_NOT_IN_USE,) if CNAME in after else (*absent, *_no_cname(absent))
    becomes_alias = CNAME in after and CNAME not in before.rrsets
    unasked = _others(asked.keys() | before.rrsets.keys()) if becomes_alias else ()
    no_cname = () if CNAME in before.rrsets else _no_cname(absent)
    return (NAME_IN_USE, *equal, *absent, *no_cname, *unasked)


def _no_cname(absent: Sequence[Instruction]) -> Instructions:
    return () if CNAME_ABSENT in absent else (CNAME_ABSENT,)


def _others(types: Collection[RdataType]) -> Instructions:
    return tuple(Instruction(Kind.RRSET_ABSENT, rdtype) for rdtype in _LIKELY_TYPES if rdtype not in types)

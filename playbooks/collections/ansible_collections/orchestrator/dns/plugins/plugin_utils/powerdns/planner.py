"""Plans what to send for changes of one owner name, given what is there."""

import json
from collections.abc import Sequence
from dataclasses import replace

import dns.name
import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.expect import holds, made_before
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from ansible_collections.orchestrator.dns.plugins.plugin_utils.spelling import spelled_as_there
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import (
    below_dname,
    conflict_beside,
    deciding_type,
    dname_above_data,
)
from dns.rdata import Rdata
from dns.rdatatype import CNAME, DNAME, NS

from .node import Node, RRset, Value, entries, read_value, state_of
from .step import Step
from .text import text_of
from .tree import Tree

MAX_RRSET = 65_000  # bytes in a DNS message, which takes 65,535 (RFC 1035 section 4.2.2)
_RR_SIZE = 12  # bytes: a pointer to the owner name, type, class, TTL, length of the data
_NO_RRSET = RRset(0, {})


class Planner:
    """Plans changes of one zone."""

    def __init__(self, zone: dns.name.Name) -> None:
        self._zone = zone
        self._sizes: dict[tuple[str, str], int] = {}  # of values, by type and text

    def plan(self, changes: Sequence[Change], before: Node, tree: Tree) -> Step:
        """Return the step for changes of one owner name; a change that can't be carried out fails alone.

        `tree` knows what is above and below the name.
        """
        after, results = before, list[Result]()
        made = made_before(changes, lambda change: state_of(before, change))
        for place, change in enumerate(changes):
            there = state_of(after, change)
            if place in made:
                outcome = result.unchanged(change)
            else:
                outcome, after = self._apply(change, after, tree)
            results.append(outcome._replace(before=there))
        to_send = tuple(map(json.dumps, entries(changes[0].name, before, after)))
        return Step(changes, results, to_send, after)

    def _apply(self, change: Change, node: Node, tree: Tree) -> tuple[Result, Node]:
        """Return a change's result, and the node as it is after the change."""
        there = node.get(dns.rdatatype.to_text(change.type), _NO_RRSET)
        if change.expect is not None and not holds(change.expect, state_of(node, change)):
            return result.state_changed(change, state_of(node, change)), node
        change = spelled_as_there(change, there.values.keys())
        conflict = self._conflict(change, node, tree)
        if conflict is not None:
            return conflict, node
        rdtype = dns.rdatatype.to_text(change.type)
        before = node.get(rdtype)
        after = _rrset_after(change, before)
        if (before or _NO_RRSET).answers_like(after or _NO_RRSET):
            return result.unchanged(change), node
        if after is not None and self._size(rdtype, after) > MAX_RRSET:
            return result.too_large(change), node
        others = {other: rrset for other, rrset in node.items() if other != rdtype}
        return result.applied(change), others | ({rdtype: after} if after else {})

    def _conflict(self, change: Change, node: Node, tree: Tree) -> Result | None:
        """Return the failure of a change that can't be carried out."""
        visible = {rdtype: rrset for rdtype, rrset in node.items() if rrset.values}
        before = visible.pop(dns.rdatatype.to_text(change.type), None)
        if change.action == "delete":
            return self._delete_conflict(change, before, has_ds="DS" in visible)
        if tree.is_below_dname(change.name):
            return below_dname(change)
        if change.action == "update" and before is None:
            return result.rrset_missing(change)
        there = before.values.keys() if before else ()
        if change.type == CNAME:
            return result.cname_conflict(change, self._zone, there, has_other_data=bool(visible))
        if "CNAME" in visible:
            return result.data_beside_cname(change)
        decides = deciding_type(change, self._zone)
        is_there = decides is not None and dns.rdatatype.to_text(decides) in visible
        beside = conflict_beside(change, self._zone, is_there=is_there)
        if beside is None and change.type == DNAME and before is None and tree.is_above_data(change.name):
            return dname_above_data(change)
        return beside or result.alone_conflict(change, there)

    def _delete_conflict(self, change: Change, before: RRset | None, *, has_ds: bool) -> Result | None:
        if before is None or change.type != NS:
            return None
        if not change.is_of_whole_rrset and before.values.keys() - set(change.values):
            return None
        beside = conflict_beside(change, self._zone, is_there=has_ds)
        return result.last_apex_ns(change) if change.is_apex_ns(self._zone) else beside

    def _size(self, rdtype: str, rrset: RRset) -> int:
        """Return how many bytes an RRset takes at most in a DNS message."""
        return sum(
            self._sizes.get((rdtype, text)) or self._size_of_value(rdtype, value, text)
            for value, text in rrset.values.items()
        )

    def _size_of_value(self, rdtype: str, value: Value, text: str) -> int:
        size = _RR_SIZE + len(value.to_wire() or b"" if isinstance(value, Rdata) else value)
        self._sizes[rdtype, text] = size
        return size


def _rrset_after(change: Change, before: RRset | None) -> RRset | None:
    rdtype = dns.rdatatype.to_text(change.type)
    asked: dict[Value, str] = {value: text_of(value) for value in change.values}
    match change.action:
        case "create" if before is not None:
            still_disabled = tuple(text for text in before.disabled if read_value(rdtype, text) not in asked)
            return RRset(change.ttl, asked | dict(before.values), still_disabled)
        case "delete" if before is not None and not change.is_of_whole_rrset:
            kept = {value: text for value, text in before.values.items() if value not in asked}
            return replace(before, values=kept) if kept or before.disabled else None
        case "delete":
            return None
    return RRset(change.ttl, asked)

"""Planning: what an owner name holds after a change, and what is to be said of the change."""

import dns.name
import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils import result as verdict
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result
from dns.rdata import Rdata
from dns.rdatatype import CNAME

from .node import Node, RRset, Value, read_value, text_of

MAX_RRSET = 65_000  # bytes in a DNS message, which takes 65,535 (RFC 1035 section 4.2.2)
_RR_SIZE = 12  # bytes: a pointer to the owner name, type, class, TTL, length of the data
_NONE = RRset(0, {})
_DONE = {"create": "added", "update": "set to", "upsert": "set to", "delete": "removed"}


def carry_out(change: Change, node: Node, zone: dns.name.Name) -> tuple[Result, Node]:
    """Return a change's result, and the node as it is after it."""
    rdtype = dns.rdatatype.to_text(change.type)
    before = node.get(rdtype)
    refusal = _refusal(change, node, zone)
    if refusal is not None:
        return refusal, node
    after = _after(change, before)
    if (before or _NONE).answers_like(after or _NONE):
        return verdict.unchanged(change), node
    if after is not None and _size(after) > MAX_RRSET:
        return verdict.too_large(change), node
    others = {other: rrset for other, rrset in node.items() if other != rdtype}
    return verdict.applied(_DONE[change.action], change), others | ({rdtype: after} if after else {})


def _size(rrset: RRset) -> int:
    return sum(_RR_SIZE + len(v.to_wire() or b"" if isinstance(v, Rdata) else v) for v in rrset.values)


def _after(change: Change, before: RRset | None) -> RRset | None:
    rdtype = dns.rdatatype.to_text(change.type)
    asked: dict[Value, str] = {value: text_of(value) for value in change.values}
    match change.action:
        case "create" if before is not None:
            still_disabled = tuple(text for text in before.disabled if read_value(rdtype, text) not in asked)
            return RRset(change.ttl, asked | dict(before.values), still_disabled)
        case "delete" if before is not None and asked:
            kept = {value: text for value, text in before.values.items() if value not in asked}
            return RRset(before.ttl, kept, before.disabled) if kept or before.disabled else None
        case "delete":
            return None
    return RRset(change.ttl, asked)


def _refusal(change: Change, node: Node, zone: dns.name.Name) -> Result | None:
    there = {rdtype: rrset for rdtype, rrset in node.items() if rrset.values}
    before = there.pop(dns.rdatatype.to_text(change.type), None)
    if change.action == "delete":
        return _removal_refusal(change, before, zone)
    if change.action == "update" and before is None:
        return verdict.rrset_missing(change)
    if change.type == CNAME:
        return _cname_refusal(change, before, bool(there), zone)
    return verdict.beside_cname(change) if "CNAME" in there else None


def _removal_refusal(change: Change, before: RRset | None, zone: dns.name.Name) -> Result | None:
    if before is None or not verdict.is_apex_ns(change, zone):
        return None
    stay = before.values.keys() - set(change.values) if change.values else ()
    return None if stay else verdict.last_apex_ns(change)


def _cname_refusal(change: Change, before: RRset | None, beside: bool, zone: dns.name.Name) -> Result | None:
    if change.name == zone:
        return verdict.cname_at_apex(change)
    if len(change.values) > 1:
        return verdict.several_cnames(change)
    if beside:
        return verdict.cname_beside_data(change)
    if change.action == "create" and before is not None and before.values.keys() != set(change.values):
        return verdict.second_cname(change)
    return None

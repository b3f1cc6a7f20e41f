"""What PowerDNS holds at an owner name, as its API reads and writes it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import NOTHING, Change, State
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rdata import read_rdata

from .text import in_zone_file

Value = dns.rdata.Rdata | str  # the text if it is of a type that only PowerDNS can read, such as LUA


@dataclass(frozen=True, slots=True)
class RRset:
    """The values of one type at one owner name, each with its text; the TTL in seconds.

    Disabled records are in the database, but in no answer. The records may differ in their TTL, which the
    API does not show: it tells the lowest.
    """

    ttl: int
    values: Mapping[Value, str]
    disabled: tuple[str, ...] = ()
    ttls_differ: bool = False

    def answers_like(self, other: "RRset") -> bool:
        """Whether the server answers the same for both; the TTL of an RRset without values does not show."""
        same_ttl = (self.ttl == other.ttl and not self.ttls_differ) or not self.values
        return same_ttl and self.values.keys() == other.values.keys()


Node = Mapping[str, RRset]  # the RRsets at one owner name, by type


def state_of(node: Node, change: Change) -> State:
    """Return the RRset that a change is about, as results and expectations have it."""
    rrset = node.get(dns.rdatatype.to_text(change.type))
    if rrset is None or not rrset.values:
        return NOTHING
    return State(None if rrset.ttls_differ else rrset.ttl, frozenset(rrset.values))


def read_nodes(
    rrsets: Iterable[Mapping[str, Any]],
    names: Collection[dns.name.Name],
    above: Collection[dns.name.Name] = (),
) -> dict[dns.name.Name, Node]:
    """Return what is at each of the owner names and those below `above`, from the RRsets of an answer.

    Raises KeyError, TypeError, ValueError, DNSException if the answer is not a list of RRsets.
    """
    nodes: dict[dns.name.Name, dict[str, RRset]] = {name: {} for name in names}
    texts = {name.to_text().lower() for name in names}
    ends = tuple(f".{name.to_text().lower()}" for name in above)
    for rrset in rrsets:
        text = rrset["name"]
        if "\\" not in text and text.lower() not in texts and not text.lower().endswith(ends):
            continue  # without reading it: there may be a million other names
        name = dns.name.from_text(text)
        is_wanted = name in nodes or text.lower().endswith(ends)
        if is_wanted and rrset["records"]:  # an RRset may consist of a comment alone
            nodes.setdefault(name, {})[rrset["type"]] = _read(rrset)
    return dict(nodes)


def _read(rrset: Mapping[str, Any]) -> RRset:
    texts = [record["content"] for record in rrset["records"] if not record.get("disabled")]
    disabled = tuple(record["content"] for record in rrset["records"] if record.get("disabled"))
    return RRset(int(rrset["ttl"]), {read_value(rrset["type"], text): text for text in texts}, disabled)


def with_ttls(nodes: Mapping[dns.name.Name, Node], export: str) -> dict[dns.name.Name, Node]:
    """Return the nodes with what the zone's export, in which each record has its TTL, says about theirs."""
    ttls: dict[tuple[str, str], set[str]] = {}
    names = {name.to_text().lower(): name for name in nodes}
    for line in export.splitlines():
        owner, _, rest = line.partition("\t")
        if owner.lower() in names and len(fields := rest.split("\t")) >= 3:
            ttls.setdefault((owner.lower(), fields[2]), set()).add(fields[0])
    return {
        name: {
            rdtype: replace(rrset, ttls_differ=len(ttls.get((text, rdtype), ())) > 1)
            for rdtype, rrset in nodes[name].items()
        }
        for text, name in names.items()
    }


def read_value(rdtype: str, text: str) -> Value:
    """Return a value that can be compared with those of a change."""
    try:
        return read_rdata(rdtype, in_zone_file(rdtype, text))
    except (dns.exception.DNSException, ValueError):
        return text


def entries(name: dns.name.Name, before: Node, after: Node) -> Iterator[dict[str, Any]]:
    """Yield the entries of a PATCH call that turn a node into another; removals first, to make room."""
    for rdtype in before.keys() - after.keys():
        yield {"name": name.to_text(), "type": rdtype, "changetype": "DELETE"}
    for rdtype, rrset in after.items():
        if rrset != before.get(rdtype):
            records = [{"content": text, "disabled": False} for text in rrset.values.values()]
            records += [{"content": text, "disabled": True} for text in rrset.disabled]
            what = {"type": rdtype, "changetype": "REPLACE", "ttl": rrset.ttl, "records": records}
            yield {"name": name.to_text(), **what}

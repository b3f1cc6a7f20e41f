"""What PowerDNS holds at an owner name, as its API tells and takes it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
from dns.rdtypes.svcbbase import SVCBBase

Value = dns.rdata.Rdata | str  # its text where it is of a kind that only PowerDNS can read


@dataclass(frozen=True, slots=True)
class RRset:
    """The values of one type at one owner name, each with its text; the TTL in seconds.

    Records that are disabled are in the database but in no answer.
    """

    ttl: int
    values: Mapping[Value, str]
    disabled: tuple[str, ...] = ()

    def answers_like(self, other: "RRset") -> bool:
        """Whether nobody who asks the server could tell them apart."""
        same_ttl = self.ttl == other.ttl or not self.values  # which nobody sees
        return same_ttl and self.values.keys() == other.values.keys()


Node = Mapping[str, RRset]  # the RRsets at one owner name, by type


def read_nodes(
    rrsets: Iterable[Mapping[str, Any]], names: Collection[dns.name.Name]
) -> dict[dns.name.Name, Node]:
    """Return what is at owner names, of those that are asked for and there.

    Raises KeyError, TypeError, ValueError, DNSException for what is no list of RRsets.
    """
    nodes: dict[dns.name.Name, dict[str, RRset]] = {name: {} for name in names}
    texts = {name.to_text().lower() for name in names}
    for rrset in rrsets:
        text = rrset["name"]
        if "\\" not in text and text.lower() not in texts:
            continue  # quickly: there may be a million others
        name = dns.name.from_text(text)
        if name in nodes and rrset["records"]:  # none is left where only a comment is
            nodes[name][rrset["type"]] = _read(rrset)
    return dict(nodes)


def _read(rrset: Mapping[str, Any]) -> RRset:
    texts = [record["content"] for record in rrset["records"] if not record.get("disabled")]
    disabled = tuple(record["content"] for record in rrset["records"] if record.get("disabled"))
    return RRset(int(rrset["ttl"]), {read_value(rrset["type"], text): text for text in texts}, disabled)


def read_value(rdtype: str, text: str) -> Value:
    """Return a value, comparable with what a change asks for."""
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return text


def text_of(value: dns.rdata.Rdata) -> str:
    """Return a value's text as PowerDNS writes it: what it would write otherwise, it refuses."""
    text = value.to_text()
    return text.replace('"', "") if isinstance(value, SVCBBase) else text


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

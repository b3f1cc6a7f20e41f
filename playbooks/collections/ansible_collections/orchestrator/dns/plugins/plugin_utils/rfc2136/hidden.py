"""What a zone has where no answer shows it: at and below a delegation, or where a child zone answers.

A transfer of the zone shows it, where the server grants one to the key. Else updates that change nothing,
made of prerequisites alone, tell whether an RRset is there (RFC 2136 section 2.4), but not its values.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import dns.exception
import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import SIGNER_TYPES
from dns.rcode import Rcode
from dns.rdata import Rdata
from dns.rdatatype import ANY, CNAME, RdataType

from .connection import Connection
from .node import NONEXISTENT, SOME_CNAME, InUse, Node, RRset
from .query import Question, query_absence

RRsets = Mapping[RdataType, RRset]


class Revealed(NamedTuple):
    """What could be told: the answers to questions, and the types at names of which all are known."""

    nodes: Mapping[Question, Node]
    types: Mapping[dns.name.Name, set[RdataType]]


def read_hidden(connection: Connection, zone: dns.name.Name, questions: Sequence[Question]) -> Revealed:
    """Return what is at each (name, type), as far as it can be told. Raises Unreachable, KeyRefused.

    Without a transfer that is where there is nothing, or what a CNAME excludes.
    """
    names = {name for name, _ in questions}
    found = _transfer(connection, zone, names)
    if found is None:
        return Revealed(_ask(connection, zone, questions), {})
    nodes = {(name, rdtype): _node(found[name], rdtype) for name, rdtype in questions}
    return Revealed(nodes, {name: set(rrsets) for name, rrsets in found.items()})


def _transfer(
    connection: Connection, zone: dns.name.Name, names: Collection[dns.name.Name]
) -> dict[dns.name.Name, RRsets] | None:
    """Return all RRsets at these names; None where the server grants no transfer, or it takes too long."""
    values: dict[Question, dict[Rdata, int]] = defaultdict(dict)  # and their TTLs
    try:
        for message in connection.transfer(zone):
            for rrset in message.answer:
                if rrset.name in names and rrset.rdtype not in SIGNER_TYPES:
                    values[rrset.name, rrset.rdtype] |= dict.fromkeys(rrset, rrset.ttl)
    except (dns.exception.DNSException, OSError, EOFError):
        return None
    found: dict[dns.name.Name, dict[RdataType, RRset]] = {name: {} for name in names}
    for (name, rdtype), ttls in values.items():
        ttl, *others = set(ttls.values())
        found[name][rdtype] = RRset(None if others else ttl, frozenset(ttls))
    return dict(found)


def _node(rrsets: RRsets, rdtype: RdataType) -> Node:
    return Node(InUse.YES, rrsets.get(rdtype), rrsets.get(CNAME)) if rrsets else NONEXISTENT


def _ask(connection: Connection, zone: dns.name.Name, questions: Sequence[Question]) -> dict[Question, Node]:
    """Return what prerequisites tell; of an alias what matters is whether the name is in use at all."""
    asked = [*questions, *((name, CNAME) for name, _ in questions), *((name, ANY) for name, _ in questions)]
    codes = query_absence(connection, zone, list(dict.fromkeys(asked)))
    nodes: dict[Question, Node] = {}
    for name, rdtype in questions:
        code, cname = codes[name, ANY if rdtype == CNAME else rdtype], codes[name, CNAME]
        if code == cname == Rcode.NOERROR:
            nodes[name, rdtype] = Node(InUse.UNKNOWN)
        elif cname == Rcode.YXRRSET and code == Rcode.NOERROR:
            nodes[name, rdtype] = Node(InUse.YES, cname=SOME_CNAME)
    return nodes

"""Which names have data below them: no prerequisite asks for that (RFC 2136 section 2.4)."""

from collections.abc import Iterable, Iterator, Sequence

import dns.exception
import dns.name
import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import SIGNER_TYPES
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from .connection import Connection
from .node import InUse, Node
from .query import query_nodes, query_types


def names_above_data(
    connection: Connection, zone: dns.name.Name, names: Sequence[dns.name.Name]
) -> set[dns.name.Name]:
    """Return those of the names below which there is data, as far as the server tells. Raises Unreachable.

    A name that does not exist has nothing below it (RFC 8020), one that exists without data has. Of others,
    and of delegations, only a transfer of the zone tells, where the server grants one to the key.
    """
    nodes = query_nodes(connection, [(name, dns.rdatatype.DNAME) for name in names])
    found = dict(zip(names, nodes, strict=True))
    existing = [
        name for name, node in found.items() if isinstance(node, Rcode) or node.in_use is not InUse.NO
    ]
    types = dict(zip(existing, query_types(connection, existing), strict=True))
    doubtful = {name for name in existing if types[name] or _is_occluded(found[name])}
    return set(existing) - doubtful | (_found_by_transfer(connection, zone, doubtful) if doubtful else set())


def data_below(
    connection: Connection, zone: dns.name.Name, name: dns.name.Name
) -> set[tuple[dns.name.Name, RdataType]] | None:
    """Return the owners and types of all data below a name; None where the server grants no transfer."""
    try:
        return {
            (rrset.name.canonicalize(), rrset.rdtype)
            for message in connection.transfer(zone)
            for rrset in message.answer
            if rrset.rdtype not in SIGNER_TYPES and rrset.name != name and rrset.name.is_subdomain(name)
        }
    except (dns.exception.DNSException, OSError, EOFError):
        return None


def _is_occluded(node: Node | Rcode) -> bool:
    return isinstance(node, Rcode) or node.occluded


def _found_by_transfer(
    connection: Connection, zone: dns.name.Name, names: Iterable[dns.name.Name]
) -> set[dns.name.Name]:
    wanted = {name.canonicalize().labels: name for name in names}
    found: set[dns.name.Name] = set()
    for owner in _transferred_owners(connection, zone):
        labels = owner.canonicalize().labels
        parents = (labels[cut:] for cut in range(1, len(labels)))
        found |= {wanted[parent] for parent in parents if parent in wanted}
        if len(found) == len(wanted):
            break
    return found


def _transferred_owners(connection: Connection, zone: dns.name.Name) -> Iterator[dns.name.Name]:
    """Yield the owner names of the zone, as far as the server grants a transfer, and there is time for it."""
    try:
        for message in connection.transfer(zone):
            for rrset in message.answer:
                yield rrset.name
    except (dns.exception.DNSException, OSError, EOFError):
        return

"""What the server's answer to a query says about an owner name."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import NOTHING, State


@dataclass(frozen=True, slots=True)
class RRset:
    """The values of one type at one owner name, and their TTL in seconds."""

    ttl: int | None  # None if they differ in it, which no RRset should (RFC 2181 section 5.2)
    values: frozenset[dns.rdata.Rdata]


def state_of(rrset: RRset | None) -> State:
    """Return an RRset as results and expectations have it."""
    return State(rrset.ttl, frozenset(rrset.values)) if rrset else NOTHING


class InUse(Enum):
    """Whether a name is in use: whether any record is at the name itself (RFC 2136 section 2.4.4)."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # no data of the type: other data is there, or only names below it, or a wildcard


@dataclass(frozen=True, slots=True)
class Node:
    """What is at an owner name, as far as the answer to one query tells.

    A client can't tell an answer that was made from a wildcard (RFC 4592). So a step that relies on data seen
    here has the prerequisite that the name is in use.
    """

    in_use: InUse
    rrset: RRset | None = None  # of the type that was asked for
    cname: RRset | None = None
    occluded: bool = False  # at or below a delegation or a DNAME: an answer does not show all data there
    below_dname: bool = False


NONEXISTENT = Node(InUse.NO)
UNSEEN = Node(InUse.UNKNOWN, occluded=True)
BELOW_DNAME = Node(InUse.UNKNOWN, occluded=True, below_dname=True)
SOME_CNAME = RRset(None, frozenset())  # a prerequisite tells that there is one, and no answer shows it


def read_node(response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Node:
    """Return what an authoritative answer to (name, type) says about the name itself."""
    if any(rrset.rdtype == dns.rdatatype.DNAME and rrset.name != name for rrset in response.answer):
        return BELOW_DNAME
    if _is_referral(response):
        rrset = _find([*response.authority, *response.additional], name, rdtype)
        is_cut = rdtype == dns.rdatatype.NS and rrset is not None  # whose NS a referral shows
        return Node(InUse.YES if is_cut else InUse.UNKNOWN, rrset, occluded=not is_cut)
    rrset = _find(response.answer, name, rdtype)
    cname = _find(response.answer, name, dns.rdatatype.CNAME)
    if rrset is not None or cname is not None:
        return Node(InUse.YES, rrset, cname)
    nonexistent = response.rcode() == dns.rcode.NXDOMAIN and not response.answer
    return NONEXISTENT if nonexistent else Node(InUse.UNKNOWN)


def _is_referral(response: dns.message.Message) -> bool:
    delegations = any(rrset.rdtype == dns.rdatatype.NS for rrset in response.authority)
    return not response.answer and delegations and not response.flags & dns.flags.AA


def _find(
    section: Iterable[dns.rrset.RRset], name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> RRset | None:
    found = [rrset for rrset in section if rrset.name == name and rrset.rdtype == rdtype]
    ttls = {rrset.ttl for rrset in found}
    values = frozenset(value for rrset in found for value in rrset)
    return RRset(ttls.pop() if len(ttls) == 1 else None, values) if found else None

"""What the server says is at an owner name."""

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


@dataclass(frozen=True, slots=True)
class RRset:
    """The values of one type at one owner name, and their TTL in seconds."""

    ttl: int
    values: frozenset[dns.rdata.Rdata]


class Use(Enum):
    """Whether any record is at an owner name itself."""

    YES = "yes"
    NO = "no"
    UNTOLD = "untold"  # no data of the asked type: other data, nothing but names below it, or a wildcard


@dataclass(frozen=True, slots=True)
class Node:
    """What is at an owner name, as far as the answer to one question tells.

    An answer may have been made from a wildcard, which no client can tell (RFC 4592): who relies on data seen
    here makes the server confirm that the name is in use.
    """

    use: Use
    rrset: RRset | None = None  # of the type that was asked for
    cname: RRset | None = None
    hidden: bool = False  # at or below a delegation or a DNAME: the server does not say all


NOTHING = Node(Use.NO)


def read_node(response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Node:
    """Return what an authoritative answer to (name, type) says about the name itself."""
    if any(rrset.rdtype == dns.rdatatype.DNAME and rrset.name != name for rrset in response.answer):
        return Node(Use.UNTOLD, hidden=True)
    if _is_referral(response):
        beside = [*response.authority, *response.additional]
        return Node(Use.UNTOLD, rrset=_find(beside, name, rdtype), hidden=True)
    rrset = _find(response.answer, name, rdtype)
    cname = _find(response.answer, name, dns.rdatatype.CNAME)
    return Node(_use(response, rrset or cname), rrset, cname)


def _is_referral(response: dns.message.Message) -> bool:
    delegations = any(rrset.rdtype == dns.rdatatype.NS for rrset in response.authority)
    return not response.answer and delegations and not response.flags & dns.flags.AA


def _use(response: dns.message.Message, data: RRset | None) -> Use:
    if data is not None:
        return Use.YES
    return Use.NO if response.rcode() == dns.rcode.NXDOMAIN and not response.answer else Use.UNTOLD


def _find(
    section: Iterable[dns.rrset.RRset], name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> RRset | None:
    found = [rrset for rrset in section if rrset.name == name and rrset.rdtype == rdtype]
    return RRset(found[0].ttl, frozenset(found[0])) if found else None

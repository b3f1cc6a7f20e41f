"""Builds changes as the Ansible collection has them once it has read the changes file.

It is no part of `builders`, since the collection can be imported only where pytest has set the path.
"""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change

from tests.support.builders import ZONE, full_name


def change(action: str, owner: str, rdtype: str, *texts: str, zone: str = ZONE, ttl: int = 300) -> Change:
    """A change to the RRset of an owner name, which is relative to the zone; "@" is the apex."""
    name = dns.name.from_text(full_name(owner, zone))
    return Change("1", action, name, dns.rdatatype.from_text(rdtype), ttl, values(rdtype, *texts))


def values(rdtype: str, *texts: str) -> tuple[dns.rdata.Rdata, ...]:
    """Values of one type, from their presentation format."""
    return tuple(dns.rdata.from_text(dns.rdataclass.IN, rdtype, text) for text in texts)

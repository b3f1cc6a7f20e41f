"""What a response code of the server means: the reason, with its stable code, why a change failed."""

import dns.rcode
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason
from dns.rcode import Rcode

PREREQUISITE_FAILED = frozenset({Rcode.YXDOMAIN, Rcode.YXRRSET, Rcode.NXDOMAIN, Rcode.NXRRSET})

_UPDATE_REFUSED = {  # RFC 2136 section 2.2
    Rcode.REFUSED: ("refused", "the server's policy does not allow this change"),
    Rcode.NOTAUTH: (
        "not_zone",
        "the server is not authoritative for the zone, or allows nobody to update it",
    ),
    Rcode.NOTZONE: ("not_zone", "the server says that the name is outside the zone"),
    Rcode.NOTIMP: ("refused", "the server does not support dynamic updates"),
    Rcode.FORMERR: ("refused", "the server can't read the change"),
    Rcode.SERVFAIL: ("server_failed", "the server failed to carry out the change"),
}


def update_refused(rcode: Rcode) -> Reason:
    """Return why a change failed whose update was answered with this code."""
    code, text = _UPDATE_REFUSED.get(rcode, ("refused", "the server does not accept the change"))
    return Reason(code, f"{text} ({dns.rcode.to_text(rcode)})")


def query_refused(rcode: Rcode) -> Reason:
    """Return why a change failed for which the query for the current records was answered with this code."""
    code = "server_failed" if rcode == Rcode.SERVFAIL else "refused"
    return Reason(code, f"the server does not answer queries for its records ({dns.rcode.to_text(rcode)})")


def changed_meanwhile(rcode: Rcode) -> Reason:
    """Return why a change failed whose prerequisites failed in every attempt, at last with this code."""
    text = "somebody else changed the records again and again between our query and our update"
    return Reason("changed_meanwhile", f"{text} ({dns.rcode.to_text(rcode)})")

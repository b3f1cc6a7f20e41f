"""A server's refusals in words, each with its stable code."""

import dns.rcode
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result, failed
from dns.rcode import Rcode

PREREQUISITE_FAILED = frozenset({Rcode.YXDOMAIN, Rcode.YXRRSET, Rcode.NXDOMAIN, Rcode.NXRRSET})

_REFUSALS = {
    Rcode.REFUSED: ("refused", "the server refuses it: its policy does not allow this change"),
    Rcode.NOTAUTH: ("not_zone", "the server is not authoritative for the zone, or lets nobody update it"),
    Rcode.NOTZONE: ("not_zone", "the server says that the name is outside the zone"),
    Rcode.NOTIMP: ("refused", "the server takes no dynamic updates"),
    Rcode.FORMERR: ("refused", "the server can't read the change"),
    Rcode.SERVFAIL: ("server_failed", "the server failed to carry it out"),
}


def refusal(subject: str, rcode: Rcode) -> Result:
    """Return the result of a change about `subject` that the server answered with an error."""
    name = dns.rcode.to_text(rcode)
    code, words = _REFUSALS.get(rcode, ("refused", "the server does not take it"))
    return failed(code, f"{subject}: {words} ({name})")


def unanswered(subject: str, rcode: Rcode) -> Result:
    """Return the result of a change before which the server would not say what is there."""
    code = "server_failed" if rcode == Rcode.SERVFAIL else "refused"
    return failed(code, f"{subject}: the server does not say what is there ({dns.rcode.to_text(rcode)})")


def changed_meanwhile(subject: str, rcode: Rcode) -> Result:
    """Return the result of a change whose prerequisites kept failing."""
    return failed(
        "changed_meanwhile",
        f"{subject}: somebody else kept changing it meanwhile ({dns.rcode.to_text(rcode)})",
    )

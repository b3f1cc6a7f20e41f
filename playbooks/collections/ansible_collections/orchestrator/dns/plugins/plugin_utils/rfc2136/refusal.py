"""What a response code of the server means for a change: the reason, with its stable code, why it failed."""

import dns.name
import dns.rcode
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import Change
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason
from dns.rcode import Rcode
from dns.rdatatype import AAAA, MX, NS, A

from .dependencies import targets
from .update_message import Step

PREREQUISITE_FAILED = frozenset({Rcode.YXDOMAIN, Rcode.YXRRSET, Rcode.NXDOMAIN, Rcode.NXRRSET})
TOO_LARGE = Reason("too_large", "the RRset does not fit in a message")  # RFC 1035 section 4.2.2
STATE_CHANGED = Reason("state_changed", "what is there is not what was expected; the server does not show it")
MAX_RECORDS = 100  # that BIND takes in an RRset unless told otherwise

_UPDATE_REFUSED = {  # RFC 2136 section 2.2
    Rcode.REFUSED: ("refused", "the server's policy does not allow this change"),
    Rcode.NOTAUTH: ("refused", "the server says that it is not authoritative for the name"),
    Rcode.NOTZONE: ("not_zone", "the server says that the name is outside the zone"),
    Rcode.NOTIMP: ("refused", "the server does not support this change"),
    Rcode.FORMERR: ("refused", "the server can't read the change"),
    Rcode.SERVFAIL: ("server_failed", "the server failed to carry out the change"),
}


def update_refused(rcode: Rcode, step: Step, zone: dns.name.Name) -> Reason:
    """Return why a step failed whose update was answered with this code, though the zone takes others."""
    code, text = _UPDATE_REFUSED.get(rcode, ("refused", "the server does not accept the change"))
    likely = {Rcode.SERVFAIL: _likely_limit(step), Rcode.REFUSED: _likely_rule(step.group[0], zone)}.get(
        rcode, ""
    )
    return Reason(code, f"{text} ({dns.rcode.to_text(rcode)}){likely}")


def query_refused(rcode: Rcode) -> Reason:
    """Return why a change failed for which the query for the current records was answered with this code."""
    code = "server_failed" if rcode == Rcode.SERVFAIL else "refused"
    return Reason(code, f"the server does not answer queries for its records ({dns.rcode.to_text(rcode)})")


def changed_meanwhile(rcode: Rcode, *, looks_the_same: bool) -> Reason:
    """Return why a change failed whose prerequisites failed in every attempt, at last with this code.

    `looks_the_same` says that the server answered each of our queries alike.
    """
    text = (
        "the server shows the same records each time, and yet says that the update does not fit them: it "
        "passes updates on to a server that has others, or reads prerequisites otherwise than RFC 2136"
        if looks_the_same
        else "somebody else changed the records again and again between our query and our update"
    )
    return Reason("changed_meanwhile", f"{text} ({dns.rcode.to_text(rcode)})")


def exceeds_likely_limit(step: Step) -> bool:
    """Whether BIND would refuse the step for the number of records, if nobody has told it otherwise."""
    return step.records > MAX_RECORDS


def _likely_limit(step: Step) -> str:
    limits = "max-records-per-type, and the types of a name by max-types-per-name, both 100 unless set"
    if exceeds_likely_limit(step):
        return f"; the RRset would have {step.records} records, which BIND limits by {limits}"
    return f"; it may be a limit: BIND limits the records of an RRset by {limits}"


def _likely_rule(change: Change, zone: dns.name.Name) -> str:
    inside = next((target for target in targets(change) if target.is_subdomain(zone)), None)
    if inside is not None and change.type in (MX, NS):
        return f"; BIND wants an address at {inside}, and no alias (check-integrity)"
    if change.type in (A, AAAA, MX) and any(b"_" in label for label in change.name.labels):
        return "; BIND takes no such owner name for a host (check-names)"
    return ""

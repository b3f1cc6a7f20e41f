"""What requesters are told, where operators read what servers and Ansible have said.

What those say names hosts, addresses, paths, and what other accounts have asked for. So no such text reaches
a requester: these words follow from statuses and codes alone.
"""

from collections.abc import Mapping

from app.domain.change import Outcome
from app.domain.effects import WOULD_BE_SENT
from app.domain.lifecycle import Status

_FAILURES: Mapping[str, str] = {
    "apex_ns_last": "the zone must keep at least one NS",
    "atomic_failed": "another request of its group failed, so nothing was changed",
    "below_dname": "the name lies below a DNAME, which hides it",
    "cds_delete_not_alone": 'a CDS or CDNSKEY that says "no DS" must be alone',
    "changed_meanwhile": "others changed the RRset at each try",
    "cname_conflict": "a CNAME can't be beside other data, nor at the apex",
    "cname_exists": "there is a CNAME already, and there can be but one",
    "dname_above_data": "there is data below the name, which a DNAME would hide",
    "dname_beside_ns": "a DNAME and a delegation can't be at one name",
    "ds_without_ns": "a DS needs an NS beside it",
    "invalid_change": "the DNS server can't read the values",
    "no_answer": "it was sent and not answered, again and again",
    "not_answered": "not every authoritative server answers as asked in time",
    "not_honoured": "it has a condition that the zone's playbook is not known to honour",
    "not_kept": "the primary has taken it, but answers otherwise",
    "not_owner": "the RRset belongs to another account by the time at which the request is due",
    "not_zone": "the DNS server says that the name is not in the zone",
    "null_mx_not_alone": "a null MX must be alone",
    "outcome_unknown": "its runs ended without a result, again and again",
    "playbook_failed": "its runs failed without a result for it, again and again",
    "ptr_not_ours": "the PTR was not made for this owner name, or is not as it was made: it stays as it is",
    "refused": "the DNS server, or the playbook, refuses it",
    "restored": "it was open in a backup that the database came from: it may be applied, or replaced",
    "rrset_missing": "there is no such RRset to update",
    "server_failed": "the DNS server fails at this change",
    "simulated_failure": "the simulation lets this change fail",
    "single_value": "there is a value already, and there can be but one",
    "soa_protected": "the SOA can't be changed so",
    "state_changed": "the RRset is not the one that the request expects",
    "too_large": "it is larger than a DNS message can be",
    "undo_conflict": "the RRset was changed since",
    "ttl_not_kept": "the primary has taken it, but answers another TTL",
    "zone_unknown": "the zone is not served any more",
}
_PLANNED: Mapping[str, str] = {
    Outcome.APPLIED: "it would be applied",
    Outcome.UNCHANGED: "it is so already",
    Outcome.FAILED: "it would fail",
    WOULD_BE_SENT: "nothing that the servers show speaks against it",
}


def of_failure(code: str) -> str:
    """Say why a request failed, or would; of a code of an operator's own playbook, that it has this code."""
    return _FAILURES.get(code, f"it failed with the code {code}; operators can see more of it")


def of_status(status: Status) -> str:
    """Say how far a request is, where nothing else is said of that for requesters."""
    return status.replace("_", " ")


def of_plan(outcome: str, code: str | None) -> str:
    """Say what would become of a change, as the servers were asked."""
    if outcome == Outcome.FAILED and code is not None:
        return of_failure(code)
    return _PLANNED.get(outcome, "what the servers have is not known now: plan again")

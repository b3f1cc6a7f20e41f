"""What to do about a request that has failed, by the code of its error."""

from collections.abc import Mapping

_ADVICE: Mapping[str, str] = {
    "apex_ns_last": "Create the new NS records first, and delete the old ones then.",
    "approval_expired": "Ask for it anew, and tell an approver of the zone.",
    "atomic_failed": "Another request of its group says why: put that right, and ask for all of them anew.",
    "below_dname": "Ask for the name below the target of the DNAME, or have the DNAME removed.",
    "changed_meanwhile": "Something else changes this RRset all the time. Find out what does, then retry.",
    "cname_conflict": "Delete the CNAME, or the other records, in the same batch, and ask for this anew.",
    "cname_exists": "Use update or upsert to point the CNAME elsewhere.",
    "ds_without_ns": "Delegate the name first: create its NS records, and the DS then, or both in one batch.",
    "no_answer": "The DNS server has not answered in time, again and again. Retry when it is well.",
    "not_answered": "It was applied, but some server still answers otherwise. If it has caught up meanwhile,"
    " a retry finds that; if not, its transfers from the primary need a look.",
    "not_kept": "The server has said yes and kept something else: its own policy limits such records."
    " Ask whoever runs it.",
    "not_owner": "The account that owns the name has to ask for it, or to transfer the name.",
    "outcome_unknown": "Look at what the servers answer now, then retry.",
    "playbook_failed": "The output of the run says where the playbook failed. Retry when it is mended.",
    "refused": "The words of the server or the playbook say why. Put that right, and ask for it anew.",
    "rejected": "The approver's words say why. Ask for it anew when that is settled.",
    "restored": "Look at what the servers have now, and retry it if it is still wanted.",
    "rrset_missing": "There is nothing to update: use create or upsert.",
    "server_failed": "The server fails at this change and takes others: its own log says why.",
    "simulated_failure": "The simulation was told to let some requests fail. Retry.",
    "single_value": "Use update or upsert to replace the value.",
    "state_changed": "The RRset is not as it was planned or approved. Look at what is there, and plan again.",
    "too_large": "Spread the values over several names.",
    "ttl_not_kept": "The server limits TTLs: ask for one that it keeps.",
    "undo_conflict": "It was changed since: undo the later changes first, or ask for what it should be.",
    "zone_unknown": "The zone is not served any more.",
}
_OTHERWISE = "Put right what the words say, then retry, or ask for it anew."


def advice_for(code: str) -> str:
    """Return what to do about this code."""
    return _ADVICE.get(code, _OTHERWISE)

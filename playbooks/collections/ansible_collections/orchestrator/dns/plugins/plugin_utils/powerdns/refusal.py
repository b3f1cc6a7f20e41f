"""PowerDNS's refusals, each with its stable code."""

from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result, failed

from .api import Refused

_CODES = {  # by what the server's text holds
    "Conflicts with": "cname_conflict",
    "has more than one record": "cname_exists",
    "out of zone": "not_zone",
}


def refusal(subject: str, error: Refused) -> Result:
    """Return the result of a change about `subject` that the server did not carry out."""
    if is_failure(error):
        return failed("server_failed", f"{subject}: the server failed to carry it out: {error}")
    if error.status == 404:
        return failed("not_zone", f"{subject}: the server does not have the zone: {error}")
    code = next((code for words, code in _CODES.items() if words in str(error)), "refused")
    return failed(code, f"{subject}: the server refuses it: {error}")


def is_failure(error: Refused) -> bool:
    """Whether the server, not the change, is to blame."""
    return error.status >= 500

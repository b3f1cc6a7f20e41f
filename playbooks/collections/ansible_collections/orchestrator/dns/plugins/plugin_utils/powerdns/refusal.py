"""What an error of PowerDNS's API means: the reason, with its stable code, why a change failed."""

from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Reason

from .api import Refused

_CODES = {  # by what the server's text contains
    "Conflicts with": "cname_conflict",
    "has more than one record": "cname_exists",
    "out of zone": "not_zone",
}


def explain(error: Refused) -> Reason:
    """Return why a change failed whose call was answered with this error."""
    if is_server_failure(error):
        return Reason("server_failed", f"the server failed to carry out the change: {error}")
    code = next((code for words, code in _CODES.items() if words in str(error)), "refused")
    return Reason(code, f"the server refuses the change: {error}")


def is_server_failure(error: Refused) -> bool:
    """Whether the server is to blame, not the change."""
    return error.status >= 500

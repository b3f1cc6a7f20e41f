"""What the API says to do by a call, as the command that does it."""

import re

_COMMANDS = (
    (r"GET /api/v1/zones/([^\s/]+)/rrsets/(\S+?)/(\w+)/history", r"history \1 \2 \3"),
    (r"GET /api/v1/zones/([^\s/]+)/import", r"zones show \1"),
    (r"POST /api/v1/zones/([^\s/]+)/import", r"import \1"),
    (r'POST /api/v1/zones with its "name" and "backend"', "zones add ZONE --backend BACKEND"),
    (r"GET /api/v1/zones\b(?!/)", "zones list"),
    (r"GET /api/v1/dns/records\b", "records"),
    (r"GET /api/v1/stats\b", "stats"),
    (r"GET /api/v1/backends\b", "stats"),
    (r"GET /api/v1/dns/requests/([0-9a-f-]{36})", r"status \1"),
)


def as_commands(words: str) -> str:
    """Return an error's words with commands in the place of the calls that they name."""
    for call, command in _COMMANDS:
        words = re.sub(call, f"dns-orchestrator {command}", words)
    return words

"""Verify: ask the authoritative servers what they answer for the RRsets that were changed."""

from collections.abc import Sequence

from app.domain.change import Change
from app.domain.expectation import expectations
from app.domain.server import Server
from app.domain.settlement import Answers
from app.nameservers.resolver import ask_all


def ask_servers(servers: Sequence[Server], changes: Sequence[Change], timeout: float) -> Answers:
    """Return what each server answers, by server, for every RRset that these changes of one zone touch.

    `timeout` is in seconds without a response. What a server does not answer is that RRset's error alone.
    """
    expected = expectations(changes)
    answered = ask_all(
        servers,
        list(expected),
        timeout,
        doubt=lambda key, answer: expected[key].unmet(answer) is not None,
        zone=changes[0].zone if changes else "",
    )
    return {str(server): answered[server] for server in servers}

"""Verify: ask the authoritative servers what they answer for the RRsets that were changed."""

from collections.abc import Iterable, Mapping, Sequence

from app.domain.change import Change, RRsetKey
from app.domain.errors import ServerUnreachable
from app.domain.expectation import Answer, expectations
from app.domain.server import Server
from app.domain.settlement import Answers
from app.nameservers.resolver import ask_all


def ask_servers(servers: Sequence[Server], changes: Sequence[Change], timeout: float) -> Answers:
    """Return what each server answers, by server, for every RRset that these changes touch.

    `timeout` is in seconds without a response. The answer of a server that can't be asked is an error.
    """
    keys = list(dict.fromkeys(change.key for change in changes))
    expected = expectations(changes)
    answered = ask_all(
        servers, keys, timeout, doubt=lambda key, answer: expected[key].unmet(answer) is not None
    )
    return {str(server): _by_key(keys, answered[server]) for server in servers}


def _by_key(
    keys: Iterable[RRsetKey], answered: Mapping[RRsetKey, Answer] | ServerUnreachable
) -> Mapping[RRsetKey, Answer]:
    if isinstance(answered, ServerUnreachable):
        return dict.fromkeys(keys, Answer(None, frozenset(), answered.why))
    return answered

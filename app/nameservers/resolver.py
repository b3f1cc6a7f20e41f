"""What the authoritative servers answer, asked directly and without recursion."""

import secrets
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.names import MAX_NAME
from app.domain.server import Server
from app.nameservers import message
from app.nameservers.errors import ServerUnreachable
from app.nameservers.tcp import replies

__all__ = ["Doubt", "ServerUnreachable", "ask", "ask_all"]

Answers = dict[RRsetKey, Answer]
Doubt = Callable[[RRsetKey, Answer], bool]

_NO_RRSET = Answer(ttl=None, rdata=frozenset())


def ask(
    server: Server, keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None = None
) -> dict[RRsetKey, Answer]:
    """What `server` answers for each of `keys`.

    A reply that does not decide it (SERVFAIL, REFUSED, a server that is not authoritative) is an Answer
    with `error`. At a zone cut the parent's NS RRset and its glue count. A CNAME that the server makes up
    from a DNAME does not count. What it makes up from a wildcard looks like an RRset of that name: where
    `doubt` says so, the server is asked once more, and it does not count.

    `timeout` is in seconds without a reply. Raises ServerUnreachable.
    """
    answers = _ask(server, keys, timeout)
    if doubt is not None:
        doubtful = [key for key, answer in answers.items() if answer.rdata and doubt(key, answer)]
        answers |= dict.fromkeys(_from_wildcards(server, doubtful, timeout), _NO_RRSET)
    return answers


def ask_all(
    servers: Iterable[Server], keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None = None
) -> dict[Server, dict[RRsetKey, Answer] | ServerUnreachable]:
    """What each of `servers` answers, all asked at once; or why one could not be asked."""
    distinct = list(dict.fromkeys(servers))
    if not distinct:
        return {}
    attempt = partial(_attempt, keys=keys, timeout=timeout, doubt=doubt)
    with ThreadPoolExecutor(max_workers=len(distinct)) as pool:
        return dict(zip(distinct, pool.map(attempt, distinct), strict=True))


def _attempt(
    server: Server, keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None
) -> Answers | ServerUnreachable:
    try:
        return ask(server, keys, timeout, doubt)
    except ServerUnreachable as error:
        return error


def _ask(server: Server, keys: Iterable[RRsetKey], timeout: float) -> Answers:
    distinct = list(dict.fromkeys(keys))
    questions = [message.question(key) for key in distinct]
    return {
        distinct[index]: message.read(wire, distinct[index])
        for index, wire in replies(server, questions, timeout)
    }


def _from_wildcards(server: Server, keys: Iterable[RRsetKey], timeout: float) -> list[RRsetKey]:
    """Those of `keys` that `server` answers from a wildcard.

    A wildcard answers for all names below its parent but those that exist and what is below them (RFC 4592
    3.3.1): it answers for a name below `key` just when `key` does not exist. The asterisk in between keeps
    a wildcard right below `key` from answering instead.
    """
    probes = {key: RRsetKey(f"{secrets.token_hex(8)}.*.{key.name}", key.type) for key in keys}
    possible = {key: probe for key, probe in probes.items() if len(probe.name) <= MAX_NAME}
    answers = _ask(server, possible.values(), timeout)
    return [key for key, probe in possible.items() if answers[probe].rdata]

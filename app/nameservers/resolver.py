"""Ask authoritative servers for RRsets, directly and without recursion."""

import secrets
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.domain.change import RRsetKey
from app.domain.errors import ServerUnreachable
from app.domain.expectation import Answer
from app.domain.names import MAX_NAME
from app.domain.server import Server
from app.nameservers import message
from app.nameservers.tcp import query_pipelined

__all__ = ["Doubt", "ServerUnreachable", "ask", "ask_all"]

Doubt = Callable[[RRsetKey, Answer], bool]  # whether an answer may have been synthesized from a wildcard

_NO_RRSET = Answer(ttl=None, rdata=frozenset())


def ask(
    server: Server, keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None = None
) -> dict[RRsetKey, Answer]:
    """Return what `server` answers for each of `keys`.

    A response that does not decide what the RRset is (SERVFAIL, REFUSED, a lame server) is an Answer with
    `error`. At a zone cut the parent's NS RRset and its glue count as answers. A CNAME that the server
    synthesizes from a DNAME does not count. What it synthesizes from a wildcard looks like an RRset of that
    name: where `doubt` is true of an answer, a second query tells the two apart, and a synthesized RRset does
    not count either.

    `timeout` is in seconds without a response. Raises ServerUnreachable.
    """
    answers = _query_rrsets(server, keys, timeout)
    if doubt is not None:
        doubtful = [key for key, answer in answers.items() if answer.rdata and doubt(key, answer)]
        answers |= dict.fromkeys(_synthesized_from_wildcards(server, doubtful, timeout), _NO_RRSET)
    return answers


def ask_all(
    servers: Iterable[Server], keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None = None
) -> dict[Server, dict[RRsetKey, Answer] | ServerUnreachable]:
    """Return what each of `servers` answers, as `ask` does, or the error of a server that can't be reached.

    The servers are asked at the same time, each in a thread. `timeout` is in seconds, and is each server's
    own: how long it may go without a response.
    """
    distinct = list(dict.fromkeys(servers))
    if not distinct:
        return {}
    ask_one = partial(_ask_or_error, keys=keys, timeout=timeout, doubt=doubt)
    with ThreadPoolExecutor(max_workers=len(distinct)) as pool:
        return dict(zip(distinct, pool.map(ask_one, distinct), strict=True))


def _ask_or_error(
    server: Server, keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None
) -> dict[RRsetKey, Answer] | ServerUnreachable:
    try:
        return ask(server, keys, timeout, doubt)
    except ServerUnreachable as error:
        return error


def _query_rrsets(server: Server, keys: Iterable[RRsetKey], timeout: float) -> dict[RRsetKey, Answer]:
    distinct = list(dict.fromkeys(keys))
    questions = [message.question_section(key) for key in distinct]
    return {
        distinct[index]: message.read_answer(response, distinct[index])
        for index, response in query_pipelined(server, questions, timeout)
    }


def _synthesized_from_wildcards(server: Server, keys: Iterable[RRsetKey], timeout: float) -> list[RRsetKey]:
    """Return those of `keys` for which `server` has no RRset but synthesizes one from a wildcard.

    A wildcard answers for all names below its parent except those that exist and what is below them (RFC 4592
    3.3.1). So it answers for a name below `key` if and only if `key` does not exist. The asterisk label in
    between keeps a wildcard right below `key` from answering instead.
    """
    probes = {key: RRsetKey(f"{secrets.token_hex(8)}.*.{key.name}", key.type) for key in keys}
    possible = {key: probe for key, probe in probes.items() if len(probe.name) <= MAX_NAME}
    answers = _query_rrsets(server, possible.values(), timeout)
    return [key for key, probe in possible.items() if answers[probe].rdata]

"""What the authoritative servers answer, asked directly and without recursion."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from app.domain.change import RRsetKey
from app.domain.plan import Answer
from app.domain.server import Server
from app.nameservers import message
from app.nameservers.errors import ServerUnreachable
from app.nameservers.pipeline import replies

__all__ = ["ServerUnreachable", "ask", "ask_all"]


def ask(server: Server, keys: Sequence[RRsetKey], timeout: float) -> dict[RRsetKey, Answer]:
    """What `server` answers for each of `keys`.

    A reply that does not decide it (SERVFAIL, REFUSED, a server that is not authoritative) is an Answer
    with `error`. At a zone cut the parent's NS RRset and its glue count. A CNAME that the server makes up
    from a DNAME does not count. What it makes up from a wildcard (RFC 4592 3.3.1) does: a query can't tell
    it from an RRset of that name.

    `timeout` is in seconds without a reply. Raises ServerUnreachable.
    """
    distinct = list(dict.fromkeys(keys))
    questions = [message.question(key) for key in distinct]
    return {
        distinct[index]: message.read(wire, distinct[index])
        for index, wire in replies(server, questions, timeout)
    }


def ask_all(
    servers: Iterable[Server], keys: Sequence[RRsetKey], timeout: float
) -> dict[Server, dict[RRsetKey, Answer] | ServerUnreachable]:
    """What each of `servers` answers, all asked at once; or why one could not be asked."""
    distinct = list(dict.fromkeys(servers))
    if not distinct:
        return {}
    with ThreadPoolExecutor(max_workers=len(distinct)) as pool:
        return dict(
            zip(distinct, pool.map(lambda server: _attempt(server, keys, timeout), distinct), strict=True)
        )


def _attempt(
    server: Server, keys: Sequence[RRsetKey], timeout: float
) -> dict[RRsetKey, Answer] | ServerUnreachable:
    try:
        return ask(server, keys, timeout)
    except ServerUnreachable as error:
        return error

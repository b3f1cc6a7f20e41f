"""Ask authoritative servers for RRsets, directly and without recursion."""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from app.core import metrics
from app.core.logging import get_logger
from app.core.metric_types import OTHER
from app.core.tracing import span, traceparent
from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.names import MAX_NAME, is_below, lineage
from app.domain.server import Server
from app.nameservers import message
from app.nameservers.errors import ServerUnreachable
from app.nameservers.key_file import KeyUnusable
from app.nameservers.signing import signer_for
from app.nameservers.tcp import Reply, query_pipelined
from app.nameservers.tsig import Signer

__all__ = ["Doubt", "ask", "ask_all"]

log = get_logger(__name__)

MAX_REPLIES = 64 * 1024 * 1024  # octets of one server to the questions of a round: a run has a third of it

Doubt = Callable[[RRsetKey, Answer], bool]  # whether an answer may not be what the zone itself holds

_NO_RRSET = Answer(ttl=None, rdata=frozenset())
_NO_KEY = "the key for questions to this server can't be used; the log of the worker says why"


def ask(
    server: Server, keys: Collection[RRsetKey], timeout: float, doubt: Doubt | None = None, zone: str = ""
) -> dict[RRsetKey, Answer]:
    """Return what `server` answers for each of `keys`, names of the zone.

    An answer that does not decide what the RRset is has an `error`: none came in time, or it is SERVFAIL,
    REFUSED, or that of a lame server. It costs the other answers nothing. At a zone cut the parent's NS RRset
    and its glue count as answers; what else a delegation or a DNAME in the zone covers is `hidden`.

    A server can also answer from a wildcard, or from a child zone that it serves beside this one. Where
    `doubt` is true of an answer, further queries tell: what is synthesized from a wildcard does not count,
    and an RRset that a child zone covers is hidden.

    `timeout` is in seconds without a response; `tcp.query_pipelined` says how long the whole may take.
    """
    try:
        signer = signer_for(server, timeout)
    except KeyUnusable as error:
        log.warning("server not asked: its key can't be used", server=str(server), error=str(error))
        return dict.fromkeys(keys, message.undecided(_NO_KEY))
    except ServerUnreachable as error:
        return dict.fromkeys(keys, message.undecided(error.why))
    asked = _Asked(server, timeout, signer)
    answers = asked.answers(keys, zone)
    if doubt is not None:
        doubtful = [key for key, answer in answers.items() if _is_shown(answer) and doubt(key, answer)]
        answers |= asked.covered_by_child_zones(doubtful, zone)
        doubtful = [key for key in doubtful if answers[key].rdata]
        answers |= dict.fromkeys(asked.synthesized_from_wildcards(doubtful), _NO_RRSET)
    return answers


def ask_all(
    servers: Iterable[Server],
    keys: Collection[RRsetKey],
    timeout: float,
    doubt: Doubt | None = None,
    zone: str = "",
) -> dict[Server, dict[RRsetKey, Answer]]:
    """Return what each of `servers` answers, as `ask` does; they are asked at the same time."""
    distinct = list(dict.fromkeys(servers))
    if not distinct:
        return {}
    above = traceparent()

    def ask_one(server: Server) -> dict[RRsetKey, Answer]:
        with span(f"ask {server}", "client", parent=above, attributes={"questions": len(keys)}):
            return ask(server, keys, timeout, doubt, zone)

    with ThreadPoolExecutor(max_workers=len(distinct)) as pool:
        return dict(zip(distinct, pool.map(ask_one, distinct), strict=True))


def _between(name: str, zone: str) -> Iterator[str]:
    """Yield `name` and its parents below the apex of the zone: one of them may be the apex of a child."""
    return takewhile(lambda parent: parent != zone, lineage(name))


def _is_shown(answer: Answer) -> bool:
    return answer.error is None and answer.hidden is None


class _Asked:
    """One server, which is asked several times."""

    def __init__(self, server: Server, timeout: float, signer: Signer | None) -> None:
        self._server = server
        self._timeout = timeout
        self._signer = signer

    def answers(self, keys: Iterable[RRsetKey], zone: str) -> dict[RRsetKey, Answer]:
        """Return what the server answers for each key."""
        return {
            key: message.undecided(reply.problem)
            if reply.problem is not None
            else message.read_answer(reply.wire, key, zone)
            for key, reply in self._replies(keys).items()
        }

    def covered_by_child_zones(self, keys: Collection[RRsetKey], zone: str) -> Mapping[RRsetKey, Answer]:
        """Return hidden answers for those of `keys` that the server answers from a zone below `zone`."""
        between = {key.name: [*_between(key.name, zone)] if zone else [] for key in keys}
        probes = {RRsetKey(name, "SOA") for names in between.values() for name in names}
        found = {
            probe.name: message.read_enclosing_zone(reply.wire, probe.name)
            for probe, reply in self._replies(probes).items()
            if reply.problem is None
        }
        children = {
            name: child
            for name, names in between.items()
            for child in filter(None, map(found.get, reversed(names)))
            if is_below(child, zone)
        }
        return {
            key: message.hidden(f"the server answers from the zone {children[key.name]} there")
            for key in keys
            if key.name in children
        }

    def synthesized_from_wildcards(self, keys: Iterable[RRsetKey]) -> list[RRsetKey]:
        """Return those of `keys` for which the server has no RRset but synthesizes one from a wildcard.

        A wildcard answers for all names below its parent except those that exist and what is below them (RFC
        4592 3.3.1). So it answers for a name below `key` if and only if `key` does not exist. The asterisk
        label in between keeps a wildcard right below `key` from answering instead.
        """
        probes = {key: RRsetKey(f"{secrets.token_hex(8)}.*.{key.name}", key.type) for key in keys}
        possible = {key: probe for key, probe in probes.items() if len(probe.name) <= MAX_NAME}
        answers = self.answers(possible.values(), "")
        return [key for key, probe in possible.items() if answers[probe].rdata]

    def _replies(self, keys: Iterable[RRsetKey]) -> dict[RRsetKey, Reply]:
        """Return a reply for each key; where the server gave none, it says why.

        Where it has forgotten a Kerberos context, it is asked once more with a new one.
        """
        distinct = list(dict.fromkeys(keys))
        replies = self._ask(distinct)
        if self._signer is not None and self._signer.is_over:
            try:
                self._signer = signer_for(self._server, self._timeout)
                replies |= self._ask([key for key in distinct if replies[key].problem is not None])
            except (KeyUnusable, ServerUnreachable) as error:
                log.warning("no new context with the server", server=str(self._server), error=str(error))
        return replies

    def _ask(self, keys: list[RRsetKey]) -> dict[RRsetKey, Reply]:
        replies: dict[RRsetKey, Reply] = {}
        try:
            questions = [message.question_section(key) for key in keys]
            room = MAX_REPLIES
            for index, reply in query_pipelined(self._server, questions, self._timeout, self._signer):
                room -= len(reply.wire)
                if room < 0:
                    raise ServerUnreachable(self._server, "its answers are too large to be kept")
                replies[keys[index]] = reply
        except ServerUnreachable as error:
            replies |= {key: Reply(b"", error.why) for key in keys if key not in replies}
        _count(replies.values())
        return replies


def _count(replies: Iterable[Reply]) -> None:
    """Count the responses by their rcodes."""
    rcodes = Counter(message.rcode(reply.wire) if reply.problem is None else None for reply in replies)
    for rcode, number in rcodes.items():
        name = "none" if rcode is None else metrics.RCODES.get(rcode, OTHER)
        metrics.DNS_RESPONSES.inc(number, rcode=name)

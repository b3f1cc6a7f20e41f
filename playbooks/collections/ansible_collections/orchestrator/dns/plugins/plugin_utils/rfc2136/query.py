"""Queries for what is at owner names now."""

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import dns.exception
import dns.flags
import dns.message
import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import SIGNER_TYPES
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import NoAnswer, Unreachable
from ansible_collections.orchestrator.dns.plugins.plugin_utils.zone_rules import names_above
from dns.rcode import Rcode
from dns.rdata import Rdata
from dns.rdatatype import ANY, CNAME, DNAME, SOA, RdataType
from dns.update import UpdateMessage

from .connection import Connection
from .node import InUse, Node, read_node

Question = tuple[dns.name.Name, RdataType]


def query_nodes(connection: Connection, questions: Sequence[Question]) -> list[Node | Rcode]:
    """Return what is at each (name, type), or the response code of a server that does not say.

    Raises Unreachable, KeyRefused.
    """
    with lost_answers_as_unreachable():
        queries = _make_queries(questions)
        answers = connection.pipeline(queries)
        return [
            _read_node(connection, query, wire, question)
            for query, wire, question in zip(queries, answers, questions, strict=True)
        ]


def query_aliases(connection: Connection, questions: Sequence[Question]) -> dict[Question, Node | Rcode]:
    """Return those of the questions whose name has a CNAME, with what is there. Raises Unreachable.

    BIND answers a query for anything else with SERVFAIL where the CNAME leads back to its own name.
    """
    nodes = query_nodes(connection, [(name, CNAME) for name, _ in questions])
    return {
        question: Node(InUse.YES, cname=node.rrset)
        for question, node in zip(questions, nodes, strict=True)
        if isinstance(node, Node) and node.rrset is not None
    }


def query_types(connection: Connection, names: Sequence[dns.name.Name]) -> list[set[RdataType]]:
    """Return the types of data at each name, as far as the answer to ANY shows them. Raises Unreachable."""
    return [
        {rrset.rdtype for rrset in answer.answer if rrset.name == name} - SIGNER_TYPES
        for name, answer in zip(names, _ask_for_all(connection, names), strict=True)
    ]


def _ask_for_all(connection: Connection, names: Sequence[dns.name.Name]) -> list[dns.message.Message]:
    with lost_answers_as_unreachable():
        wires = connection.pipeline(_make_queries([(name, ANY) for name in names]))
        return [_read_answer_section(wire) for wire in wires]


def query_synthesized(connection: Connection, names: Sequence[dns.name.Name]) -> set[dns.name.Name]:
    """Return those of the names that do not exist, of names for which the server answers data.

    It makes that from a wildcard, which answers for what is below such a name, too; if the name exists, none
    above it does (RFC 4592 3.3.1). The asterisk label keeps a wildcard right below the name from answering.
    What is answered below a DNAME is made from that, which does exist (RFC 6672 3.1). Of a name that is too
    long to have names below it nobody can tell. Raises Unreachable.
    """
    probes = {name: probe for name in names if (probe := _below(name)) is not None}
    answers = _ask_for_all(connection, list(probes.values()))
    return {
        name
        for name, answer in zip(probes, answers, strict=True)
        if answer.answer and all(rrset.rdtype != DNAME for rrset in answer.answer)
    }


def _below(name: dns.name.Name) -> dns.name.Name | None:
    try:
        return dns.name.Name((secrets.token_hex(8).encode(), b"*", *name.labels))
    except dns.name.NameTooLong:
        return None


def query_zones(connection: Connection, names: Sequence[dns.name.Name]) -> list[dns.name.Name | None]:
    """Return the apex of the zone from which the server answers for each name. Raises Unreachable."""
    with lost_answers_as_unreachable():
        queries = _make_queries([(name, SOA) for name in names])
        answers = [
            connection.read(wire, query)
            for query, wire in zip(queries, connection.pipeline(queries), strict=True)
        ]
    soas = ([*answer.answer, *answer.authority] for answer in answers)
    return [next((rrset.name for rrset in rrsets if rrset.rdtype == SOA), None) for rrsets in soas]


def query_soa(connection: Connection, zone: dns.name.Name) -> Rdata | None:
    """Return the zone's SOA, which changes whenever the zone does. Raises Unreachable, KeyRefused."""
    [node] = query_nodes(connection, [(zone, SOA)])
    return next(iter(node.rrset.values), None) if isinstance(node, Node) and node.rrset else None


def query_dnames_above(
    connection: Connection,
    zone: dns.name.Name,
    names: Sequence[dns.name.Name],
    in_children: Collection[dns.name.Name] = (),
) -> dict[dns.name.Name, set[dns.name.Name]]:
    """Return the owners of the DNAMEs above those of the names that are below one. Raises Unreachable.

    What a delegation hides, or a child zone that answers for those `in_children`, the server is asked for by
    prerequisites.
    """
    above = {name: [dns.name.Name(labels) for labels in names_above(name, zone)] for name in names}
    questions = list(dict.fromkeys((parent, DNAME) for parents in above.values() for parent in parents))
    nodes = dict(zip(questions, query_nodes(connection, questions), strict=True))
    unseen = {
        question
        for question, node in nodes.items()
        if isinstance(node, Node) and node.occluded and not node.below_dname
    }
    unseen |= {(parent, DNAME) for name in in_children for parent in above.get(name, ())}
    absence = query_absence(connection, zone, sorted(unseen)) if unseen else {}
    owners = {
        question[0]
        for question, node in nodes.items()
        if (isinstance(node, Node) and node.rrset is not None) or absence.get(question) == Rcode.YXRRSET
    }
    return {name: owners & set(parents) for name, parents in above.items() if not owners.isdisjoint(parents)}


def query_absence(
    connection: Connection, zone: dns.name.Name, questions: Sequence[Question]
) -> dict[Question, Rcode]:
    """Return what the server says of each RRset's absence, or for ANY of a name's.

    That is NOERROR where there is none, YXRRSET or YXDOMAIN where there is, else what keeps it from telling.
    """
    messages = [UpdateMessage(zone, id=number) for number in range(len(questions))]
    for message, (name, rdtype) in zip(messages, questions, strict=True):
        message.absent(name, None if rdtype == ANY else rdtype)
    with lost_answers_as_unreachable():
        wires = connection.pipeline(messages)
        answers = [connection.read(wire, message) for wire, message in zip(wires, messages, strict=True)]
    return {question: answer.rcode() for question, answer in zip(questions, answers, strict=True)}


def _make_queries(questions: Sequence[Question]) -> list[dns.message.Message]:
    return [
        dns.message.make_query(name, rdtype, flags=0, id=number)
        for number, (name, rdtype) in enumerate(questions)
    ]


@contextmanager
def lost_answers_as_unreachable() -> Iterator[None]:
    """Raise Unreachable if an answer is lost or can't be read: a query changes nothing."""
    try:
        yield
    except (NoAnswer, dns.exception.DNSException) as error:
        raise Unreachable(f"the query for the current records failed: {error}") from error


def _read_node(
    connection: Connection, query: dns.message.Message, wire: bytes, question: Question
) -> Node | Rcode:
    answer = _read_answer_section(wire)
    if answer.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return connection.read(wire, query).rcode()
    if not answer.answer and not answer.flags & dns.flags.AA:
        answer = connection.read(wire, query)  # a referral, which stands in the authority section
    return read_node(answer, *question)


def _read_answer_section(wire: bytes) -> dns.message.Message:
    """Return the answer without its authority and additional sections, which take most of the time to read.

    Each record is an RRset of its own, since the records of one RRset may differ in their TTL. The
    signature is in the additional section, so it is not checked. That is safe: an update has prerequisites
    that confirm what was read here.
    """
    answer_alone = wire[:8] + bytes(4) + wire[12:]
    return dns.message.from_wire(answer_alone, one_rr_per_rrset=True, ignore_trailing=True)

"""Asking the server what is there."""

from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import GENERATED
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import NoAnswer, Unreachable
from dns.rcode import Rcode
from dns.rdatatype import ANY, RdataType

from .connection import Connection
from .node import Node, read_node

Question = tuple[dns.name.Name, RdataType]


def ask(connection: Connection, questions: Sequence[Question]) -> list[Node | Rcode]:
    """Return what is at each (name, type), or the response code with which the server declines to tell.

    Raises Unreachable where no answer comes: a question changes nothing. Raises KeyRefused.
    """
    messages = [
        dns.message.make_query(name, rdtype, flags=0, id=number)
        for number, (name, rdtype) in enumerate(questions)
    ]
    try:
        answers = connection.pipeline(messages)
        return [_read(connection, *each) for each in zip(messages, answers, questions, strict=True)]
    except (NoAnswer, dns.exception.DNSException) as error:
        raise Unreachable(f"the question what is there failed: {error}") from error


def ask_types(connection: Connection, names: Sequence[dns.name.Name]) -> list[set[RdataType]]:
    """Return the types of data at each name, as far as the server tells. Raises Unreachable."""
    messages = [dns.message.make_query(name, ANY, flags=0, id=number) for number, name in enumerate(names)]
    try:
        answers = [_read_section(wire) for wire in connection.pipeline(messages)]
    except (NoAnswer, dns.exception.DNSException) as error:
        raise Unreachable(f"the question what is there failed: {error}") from error
    return [
        {rrset.rdtype for rrset in answer.answer if rrset.name == name} - GENERATED
        for name, answer in zip(names, answers, strict=True)
    ]


def _read(
    connection: Connection, asked: dns.message.Message, wire: bytes, question: Question
) -> Node | Rcode:
    answer = _read_section(wire)
    if answer.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return connection.read(wire, asked).rcode()
    if not answer.answer and not answer.flags & dns.flags.AA:
        answer = connection.read(wire, asked)
    return read_node(answer, *question)


def _read_section(wire: bytes) -> dns.message.Message:
    """Return the answer without its authority and additional sections: reading them takes most of the time.

    The signature goes with them. It is not missed: what is seen here, an update's prerequisites confirm.
    """
    return dns.message.from_wire(wire[:8] + bytes(4) + wire[12:], ignore_trailing=True)

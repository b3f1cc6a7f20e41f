"""What a response says: responses that no real server sends, and values that are read without dnspython."""

import struct

import dns.flags
import dns.message
import dns.rrset
import pytest

from app.domain.change import RRsetKey
from app.domain.rdata import RecordType, over_the_wire
from app.nameservers.message import read_answer

NAME = "www.example.test"


def response(record_type: str, *values: str, questions: int = 1) -> bytes:
    query = dns.message.make_query(NAME, record_type)
    query.question *= questions
    made = dns.message.make_response(query)
    made.flags |= dns.flags.AA
    made.answer.append(dns.rrset.from_text(f"{NAME}.", 300, "IN", record_type, *values))
    return made.to_wire()


@pytest.mark.parametrize(
    ("record_type", "value"),
    [
        ("A", "192.0.2.1"),
        ("A", "0.0.0.0"),
        ("AAAA", "2001:db8::1"),
        ("AAAA", "::"),
        ("AAAA", "::ffff:192.0.2.1"),
        ("AAAA", "2001:db8:0:1:1:1:1:1"),
        ("MX", "10 mail.example.test."),
    ],
)
def test_values_are_in_the_form_in_which_they_are_asked_for(record_type: str, value: str) -> None:
    answer = read_answer(response(record_type, value), RRsetKey(NAME, record_type))
    assert (answer.error, answer.ttl) == (None, 300)
    assert answer.rdata == {over_the_wire(RecordType(record_type), value)}


def test_several_questions_are_passed_over() -> None:
    answer = read_answer(response("A", "192.0.2.1", questions=2), RRsetKey(NAME, "A"))
    assert answer.rdata == {"192.0.2.1"}


@pytest.mark.parametrize("record_type", ["A", "AAAA"])
def test_an_address_of_another_length_is_an_error(record_type: str) -> None:
    wire = response("TXT", '"12"')
    number = {"A": 1, "AAAA": 28}[record_type]
    other = wire.replace(struct.pack("!H", 16), struct.pack("!H", number))
    assert "can't be read" in (read_answer(other, RRsetKey(NAME, record_type)).error or "")


def test_no_cut_of_a_response_is_taken_for_an_answer() -> None:
    wire = response("A", "192.0.2.1", "192.0.2.2")
    for length in range(12, len(wire)):
        assert "can't be read" in (read_answer(wire[:length], RRsetKey(NAME, "A")).error or "")

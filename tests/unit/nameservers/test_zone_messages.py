"""Messages of transfers, read by hand, beside dnspython."""

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.escapes import escaped
from app.nameservers.zone_messages import Malformed, read_message

names = st.lists(st.binary(min_size=1, max_size=30), max_size=5).map(
    lambda found: dns.name.Name([*found, b""])
)


@given(st.lists(names, max_size=8))
def test_names_are_those_of_dnspython(owners: list[dns.name.Name]) -> None:
    message = dns.message.make_response(dns.message.make_query("example.test", "AXFR"))
    message.flags |= dns.flags.AA
    message.answer = [dns.rrset.from_text(owner, 60, "IN", "MX", "1 mail.example.test.") for owner in owners]
    found = read_message(message.to_wire(max_size=65_535)).records
    expected = [escaped(owner.to_text(omit_final_dot=True).lower()) for owner in owners]
    assert [record.owner for record in found] == [name if name != "." else "" for name in expected]
    assert {record.read().rdata for record in found} <= {"1 mail.example.test."}


@given(st.binary(max_size=60), st.integers(0, 3))
def test_octets_of_any_kind_are_read_or_malformed(octets: bytes, answers: int) -> None:
    wire = b"\0\1\x84\0\0\0" + answers.to_bytes(2) + b"\0\0\0\0" + octets
    try:
        for record in read_message(wire).records:
            record.read()
    except Malformed:
        pass


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x0c",  # points to itself
        b"\xc0\x0e\xc0\x0c",
        b"\x01a\xc0\x0c",  # goes round in circles
        b"\x40" + b"a" * 64 + b"\0",
        b"\x01a" * 200 + b"\0",
    ],
)
def test_names_that_do_not_end(name: bytes) -> None:
    with pytest.raises(Malformed):
        read_message(b"\0\1\x84\0\0\0\0\1\0\0\0\0" + name + b"\0\1\0\1\0\0\0\0\0\4\1\2\3\4")

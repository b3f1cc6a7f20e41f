"""Tables of cases: how values are written, and what becomes of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical, presentation, wire

Rows = Sequence[str | tuple[str, str]]  # what is canonical, or what is written and its canonical form
Good = Mapping[str, Rows]  # by type
Bad = Mapping[str, Sequence[tuple[str, str]]]  # by type: what is written, and the code of the refusal


class Case(NamedTuple):
    type: RecordType
    written: str
    expected: str


def cases(table: Good | Bad) -> list[Case]:
    """The cases of a table, for `pytest.mark.parametrize`."""
    pairs = (
        (record_type, (row, row) if isinstance(row, str) else row)
        for record_type, rows in table.items()
        for row in rows
    )
    return [Case(RecordType(record_type), *pair) for record_type, pair in pairs]


def name(case: Case) -> str:
    return f"{case.type} {case.written[:50]}"


def on_the_wire(record_type: RecordType, value: str) -> str:
    """The value as it comes back from a server."""
    octets = wire(record_type, value)
    rdtype = dns.rdatatype.from_text(record_type)
    return presentation(dns.rdata.from_wire(dns.rdataclass.IN, rdtype, octets, 0, len(octets)))


def accept(case: Case) -> None:
    """Check that the value is accepted, that its canonical form is itself, and what servers answer."""
    assert canonical(case.type, case.written) == case.expected
    assert canonical(case.type, case.expected) == case.expected
    assert on_the_wire(case.type, case.expected) == case.expected


def refusal(record_type: RecordType, written: str) -> str:
    """The code of the refusal, whose words can be sent to anybody."""
    with pytest.raises(InvalidRdata) as refused:
        canonical(record_type, written)
    assert len(refused.value.message.encode()) < 600
    assert refused.value.message.isprintable()
    return refused.value.code

"""Tables of cases: how values are written, and what becomes of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import dns.rdata
import dns.rdataclass
import dns.rdatatype

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
    """The cases of a table."""
    pairs = (
        (record_type, (row, row) if isinstance(row, str) else row)
        for record_type, rows in table.items()
        for row in rows
    )
    return [Case(RecordType(record_type), *pair) for record_type, pair in pairs]


def on_the_wire(record_type: RecordType, value: str) -> str:
    """The value as it comes back from a server."""
    octets = wire(record_type, value)
    rdtype = dns.rdatatype.from_text(record_type)
    return presentation(dns.rdata.from_wire(dns.rdataclass.IN, rdtype, octets, 0, len(octets)))


def fate(record_type: RecordType, written: str) -> str:
    """The canonical form, which is its own and comes back from servers; or the code of a fit refusal."""
    try:
        value = canonical(record_type, written)
    except InvalidRdata as error:
        fit = error.message.isprintable() and len(error.message.encode()) < 600
        return error.code if fit else error.message
    again, answered = canonical(record_type, value), on_the_wire(record_type, value)
    return value if value == again == answered else f"{value}, then {again}, from a server {answered}"

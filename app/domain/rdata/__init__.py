"""RDATA: what a record may hold, in canonical presentation format, which the whole service compares.

Each type, or small family, is read in a file of its own; `table.py` names them all.
"""

import struct
from collections.abc import Collection, Mapping

import dns.exception
import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.LOC import LOC

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.generic import MARK, octets_of_generic, show_generic
from app.domain.rdata.loc import exact
from app.domain.rdata.reading import MAX_RDATA, NOTHING_GIVEN, RECORD_HEAD, Given
from app.domain.rdata.registered import has_form
from app.domain.rdata.table import SHOWN, TABLE, UNKNOWN, Entry, Owner
from app.domain.rdata.text import octets_of_txt
from app.domain.rdata.types import RecordType, why_refused

__all__ = [
    "MAX_RDATA",
    "TABLE",
    "Owner",
    "RecordType",
    "canonical",
    "fields_of_value",
    "octets",
    "over_the_wire",
    "presentation",
    "why_refused",
    "wire",
]

_LONGER_ON_THE_WIRE = 14  # octets at most: "::" becomes 16
_IN_FRONT = " \t\r\n("  # of a value in a zone file
_DENSE = frozenset(record_type for record_type, entry in TABLE.items() if entry.dense)
_NO_EXTRA: Mapping[str, object] = NOTHING_GIVEN.extra


def canonical(
    record_type: RecordType,
    target: str,
    *,
    priority: int | None = None,
    extra: Mapping[str, object] = _NO_EXTRA,
    pattern: bool = False,
) -> str:
    """Return `target` in canonical presentation format: as dnspython prints it, names absolute, lower case.

    docs/reference/records.md says how the value of each type may be written. The octets of RFC 3597
    (`\\# 4 0a000001`) stand for a value of any type but TXT, which is taken literally unless it is in quotes.
    Types with numbers in front take those that the target leaves out from `priority` and `extra`; the
    others ignore both. With `pattern` the numbers that are left out are any: "* mail.example.test."
    (`domain/values.py`). Raises InvalidRdata.
    """
    entry = TABLE.get(record_type, UNKNOWN)
    given = Given(priority, extra, pattern) if entry.takes else NOTHING_GIVEN
    if MARK in target and target.lstrip(_IN_FRONT)[:2] == MARK and record_type is not RecordType.TXT:
        target = _of_octets(record_type, octets_of_generic(target))
    value = entry.read(target, given)
    return _checked_over_the_wire(record_type, entry, value) if entry.parsed else value


def presentation(rdata: dns.rdata.Rdata) -> str:
    """Return what a server answered in the form of `canonical`."""
    return SHOWN.get(rdata.rdtype, show_generic)(rdata)


def fields_of_value(record_type: RecordType) -> tuple[str, ...]:
    """Return the fields of a request that a value of this type may leave its numbers to."""
    return TABLE.get(record_type, UNKNOWN).takes


def octets(record_type: RecordType, values: Collection[str], *, exact: bool = False) -> int:
    """Return how many octets the canonical `values` take in a message at most; exact near `MAX_RDATA`."""
    at_most = sum(map(len, values)) + len(values) * (RECORD_HEAD + _LONGER_ON_THE_WIRE)
    if not exact and at_most <= MAX_RDATA and record_type not in _DENSE:
        return at_most
    if record_type is RecordType.TXT:
        return sum(octets_of_txt(value) + RECORD_HEAD for value in values)
    return sum(len(wire(record_type, value)) + RECORD_HEAD for value in values)


def over_the_wire(record_type: RecordType, value: str) -> str:
    """Return a value in presentation format as it comes back from a server. Raises InvalidRdata."""
    return _of_octets(record_type, wire(record_type, value))


def _checked_over_the_wire(record_type: RecordType, entry: Entry, value: str) -> str:
    """Return the value of a change as it comes back from a server.

    A parameter that is written by its number (`key3="\\000\\053"`) comes back by its name, and is held to
    what is known of it.
    """
    shown = over_the_wire(record_type, value)
    if " key" in value:
        entry.read(shown, NOTHING_GIVEN)
    return shown


def wire(record_type: RecordType, value: str) -> bytes:
    """Return the octets of a canonical value. Raises InvalidRdata."""
    try:
        parsed = dns.rdata.from_text("IN", record_type.value, value, relativize=False)
        return (exact(parsed) if isinstance(parsed, LOC) else parsed).to_wire() or b""
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise _unreadable(record_type, value, error) from error


def _of_octets(record_type: RecordType, octets: bytes) -> str:
    rdtype = dns.rdatatype.from_text(record_type.value)
    try:
        parsed = dns.rdata.from_wire("IN", rdtype, octets, 0, len(octets))
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise _not_its_octets(record_type, octets) from error
    entry = TABLE.get(record_type, UNKNOWN)
    if (entry.parsed or entry is UNKNOWN) and parsed.to_wire() != octets:
        raise _not_its_octets(record_type, octets)
    if entry is UNKNOWN and not has_form(rdtype, octets):
        raise _not_its_octets(record_type, octets)
    return presentation(parsed)


def _not_its_octets(record_type: RecordType, octets: bytes) -> InvalidRdata:
    message = f"the octets {quoted(octets.hex())} are no value of {record_type}: a field is missing or wrong"
    return InvalidRdata("rdata_invalid", message)


def _unreadable(record_type: RecordType, value: str, error: Exception) -> InvalidRdata:
    return InvalidRdata(
        "rdata_invalid", f"{quoted(value)} is not a value of {record_type}: {quoted(str(error))}"
    )

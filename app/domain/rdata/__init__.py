"""RDATA: what a record may hold, in canonical presentation format, which the whole service compares.

Each type, or small family, is read in a file of its own; `table.py` names them all.
"""

from collections.abc import Collection, Mapping

import dns.rdata
import dns.rdatatype

from app.domain.names import escaped
from app.domain.rdata.reading import MAX_RDATA, NOTHING_GIVEN, RECORD_HEAD, Given
from app.domain.rdata.table import TABLE
from app.domain.rdata.types import RecordType

__all__ = ["MAX_RDATA", "RecordType", "canonical", "octets", "presentation"]

_ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)
_LONGER_ON_THE_WIRE = 14  # octets at most: "::" becomes 16
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

    TXT is taken literally, as UTF-8; in quotes it is read as in a zone file: `"one" "two"` are two strings,
    and `\\255` is an octet. MX takes `priority` (10 when left out) or "10 mail.example.test". SRV takes
    `priority` (0) with `weight` (0) and `port` from `extra`, or "10 5 5060 sip.example.test". CAA is written
    as `0 issue "ca.example"`. Other types ignore `priority` and `extra`. With `pattern` the numbers that are
    left out are any: "* mail.example.test." (`domain/values.py`). Raises InvalidRdata.
    """
    entry = TABLE[record_type]
    return entry.read(target, Given(priority, extra, pattern) if entry.takes else NOTHING_GIVEN)


def presentation(rdata: dns.rdata.Rdata) -> str:
    """Return what a server answered in the form of `canonical`: servers keep the case of names."""
    text = rdata.to_text()
    if rdata.rdtype == dns.rdatatype.TXT:
        return text
    if rdata.rdtype == dns.rdatatype.CAA:
        flags, tag, value = text.split(" ", 2)
        return f"{flags} {tag.lower()} {value}"
    if rdata.rdtype in _ADDRESSES:
        return text
    return escaped(text.lower())


def octets(record_type: RecordType, values: Collection[str]) -> int:
    """Return how many octets the canonical `values` take in a message at most; exact near `MAX_RDATA`."""
    at_most = sum(map(len, values)) + len(values) * (RECORD_HEAD + _LONGER_ON_THE_WIRE)
    if at_most <= MAX_RDATA:
        return at_most
    parsed = (dns.rdata.from_text("IN", record_type.value, value) for value in values)
    return sum(len(rdata.to_wire() or b"") + RECORD_HEAD for rdata in parsed)

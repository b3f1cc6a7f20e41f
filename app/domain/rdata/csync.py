"""CSYNC (RFC 7477 2.1): what a parent zone shall copy from its child."""

import dns.exception
import dns.rdatatype

from app.domain.errors import quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_FORM = "66 3 A NS AAAA"
_MAX_TYPES = 100  # there are hardly more that zones have; parents copy NS, A and AAAA
_MAX_FLAGS = 3  # immediate and soaminimum, RFC 7477 2.1.1.2


def read_csync(target: str, _: Given = NOTHING_GIVEN) -> str:
    """The serial of the SOA, flags, and types; RFC 7477 2.1.2."""
    fields = Fields(target, _FORM)
    serial, flags = fields.number("serial", 0xFFFFFFFF), fields.number("flags", _MAX_FLAGS)
    if fields.left > _MAX_TYPES:
        fields.refuse("too_many_parts", f"{fields.left} types, {_MAX_TYPES} are allowed")
    types = {_type(fields, fields.word("type")) for _ in range(fields.left)}
    return " ".join([str(serial), str(flags), *map(dns.rdatatype.to_text, sorted(types))])


def _type(fields: Fields, word: str) -> dns.rdatatype.RdataType:
    try:
        found = dns.rdatatype.from_text(word)
    except (dns.exception.DNSException, ValueError):
        fields.refuse("type_unknown", f"{quoted(word)} is not a record type")
    if not found or dns.rdatatype.is_metatype(found):
        fields.refuse("type_unknown", f"{quoted(word)} is not a type that records can have")
    return found

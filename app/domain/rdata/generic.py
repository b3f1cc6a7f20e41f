"""RDATA of any type by its octets (RFC 3597 5): `\\# 4 0a000001`."""

import re

import dns.rdata

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given

MARK = "\\#"
_FORM = f"{MARK} 4 0a000001"

_GENERIC = re.compile(r"\\#[ \t]+([0-9]{1,5})((?:[ \t]+[0-9A-Fa-f]+)*+)")


def read_generic(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Return the number of the octets and the octets, without blanks among them."""
    return in_generic(octets_of_generic(target))


def octets_of_generic(target: str) -> bytes:
    """Return the octets that stand in a value of RFC 3597. Raises InvalidRdata."""
    found = _GENERIC.fullmatch(target.rstrip(" \t")) or _GENERIC.fullmatch(_on_one_line(target))
    digits = re.sub(r"[ \t]", "", found[2]) if found else ""
    if found is None or len(digits) % 2 or len(digits) != 2 * int(found[1]):
        message = f"{quoted(target)} is not a number of octets and as many octets, such as {_FORM}"
        raise InvalidRdata("generic_invalid", message)
    return bytes.fromhex(digits)


def _on_one_line(target: str) -> str:
    """Return the value without what a zone file may have around its fields."""
    try:
        return " ".join(Fields(target, _FORM).words())
    except InvalidRdata as error:
        raise InvalidRdata("generic_invalid", error.message) from error


def in_generic(octets: bytes) -> str:
    """Return the octets as RFC 3597 writes them."""
    return f"{MARK} {len(octets)} {octets.hex()}".rstrip()


def show_generic(rdata: dns.rdata.Rdata) -> str:
    """Return what a server answered in the form of `read_generic`."""
    return in_generic(rdata.to_wire() or b"")

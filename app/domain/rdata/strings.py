"""Character strings in presentation format (RFC 1035 5.1), to and from their octets."""

import re

import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from app.domain.errors import InvalidRdata, quoted

MAX_STRING = 255  # octets in one <character-string>, RFC 1035 3.3

_ESCAPED = re.compile(rb"\\(?:([0-9]{3})|([^0-9]))", re.DOTALL)
_HALF_ESCAPED = re.compile(r"(?:[^\\]|\\[0-9]{3}|\\[^0-9])*+(\\[0-9])", re.DOTALL)


def octets_of(quotation: str, most: int = MAX_STRING) -> bytes:
    """Return the octets of what stands between two quotes in a zone file. Raises InvalidRdata."""
    octets = _octets(quotation)
    if len(octets) > most:
        size = f"{quoted(quotation)} has {len(octets)} octets, one string holds {most}"
        raise InvalidRdata("text_too_long", f'{size}: split it, as in "one" "two"')
    return octets


def written(*strings: bytes) -> str:
    """Return the strings, each in quotes, as dnspython prints them."""
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings).to_text()


def _octets(quotation: str) -> bytes:
    if "\\" not in quotation:
        return _encoded(quotation)
    if half := _HALF_ESCAPED.match(quotation):
        message = f"{quoted(quotation)} has {half[1]}, which is no escape"
        raise InvalidRdata("text_invalid", f"{message}: a backslash itself is written \\\\{half[1][1:]}")
    octets = _encoded(quotation)
    if any(int(found[1] or 0) > 0xFF for found in _ESCAPED.finditer(octets)):
        raise InvalidRdata("text_invalid", f"{quoted(quotation)} has a number above 255 after a backslash")
    return _ESCAPED.sub(lambda found: bytes([int(found[1])]) if found[1] else found[2], octets)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRdata("text_invalid", "the text is not valid Unicode") from error

"""Values as PowerDNS writes them: its API refuses any other way of writing."""

import re
import struct
from collections.abc import Iterator
from io import BytesIO

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdata import RdataStyle
from dns.rdtypes.ANY.CERT import CERT
from dns.rdtypes.ANY.LOC import LOC
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.svcbbase import ParamKey, SVCBBase

MAX_STRING = 255  # bytes in one string, RFC 1035 section 3.3

_WITHOUT_BLANKS = RdataStyle(base64_chunk_size=0, hex_chunk_size=0)  # within hexadecimal digits and base64
_TYPES_OF_NAMES = ("AFSDB", "CNAME", "DNAME", "KX", "LP", "MX", "NS", "PTR", "RP", "SRV")
_OF_NAMES = frozenset(map(dns.rdatatype.from_text, _TYPES_OF_NAMES))
_SPECIAL = re.compile(r'(\\.)|([;()"])')
_NEEDLESS_ESCAPE = re.compile(r"\\([^0-9.\\])")
_IN_QUOTES = (ParamKey.ECH,)
_BY_NAME = frozenset(ParamKey) - {ParamKey.DOHPATH, ParamKey.OHTTP, ParamKey.DOCPATH}


def text_of(value: dns.rdata.Rdata) -> str:
    """Return a value's text."""
    text = value.to_text(style=_WITHOUT_BLANKS)
    if value.rdtype in _OF_NAMES:
        return _name(text)
    if isinstance(value, NAPTR):
        rest, _, replacement = text.rpartition(" ")
        return f"{rest} {_name(replacement)}"
    if isinstance(value, SVCBBase):
        return " ".join([str(value.priority), _name(value.target.to_text()), *_parameters(value)])
    if isinstance(value, CERT):  # by numbers alone
        return f"{value.certificate_type} {value.key_tag} {int(value.algorithm)} {text.split(' ')[3]}"
    if isinstance(value, AAAA) and "." in text:
        return _groups(value)
    if isinstance(value, LOC):
        return _location(value, text)
    return text


def in_zone_file(rdtype: str, text: str) -> str:
    """Return PowerDNS's text of a value as a zone file has it, where a semicolon in a name is escaped."""
    if rdtype in _TYPES_OF_NAMES:
        return _escaped(text)
    if rdtype == "NAPTR":
        rest, _, replacement = text.rpartition(" ")
        return f"{rest} {_escaped(replacement)}"
    if rdtype in ("SVCB", "HTTPS"):
        priority, target, *rest_of_it = text.split(" ", 2)
        return " ".join([priority, _escaped(target), *rest_of_it])
    return text


def _escaped(names: str) -> str:
    return _SPECIAL.sub(lambda found: found[1] or f"\\{found[2]}", names)


def _name(text: str) -> str:
    """Return a name, or several, without the escapes that PowerDNS does without."""
    return _NEEDLESS_ESCAPE.sub(r"\1", text)


def _parameters(value: SVCBBase) -> Iterator[str]:
    """Yield the parameters: the first seven by their names, the others by numbers and octets."""
    for key, parameter in sorted(value.params.items()):
        if key not in _BY_NAME:
            octets = BytesIO()
            if parameter is not None:
                parameter.to_wire(octets)
            yield f"key{int(key)}={_quoted(octets.getvalue())}"
            continue
        name = key.name.replace("_", "-").lower()
        if parameter is None:
            yield name
        else:
            text = parameter.to_text()
            yield f"{name}={text if key in _IN_QUOTES else text[1:-1]}"


def _quoted(octets: bytes) -> str:
    """Return octets as one string in quotes, of whatever length."""
    strings = [octets[i : i + MAX_STRING] for i in range(0, len(octets), MAX_STRING)] or [b""]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings).to_text().replace('" "', "")


def _groups(value: AAAA) -> str:
    """Return an address in hexadecimal groups alone."""
    groups = struct.unpack("!8H", value.to_wire() or b"")
    return ":".join(f"{group:x}" for group in groups)


def _location(value: LOC, text: str) -> str:
    """Return a location with its size and precisions; the equator is S, the prime meridian W."""
    if not any(value.latitude[:4]):
        text = text.replace(" N ", " S ")
    if not any(value.longitude[:4]):
        text = text.replace(" E ", " W ")
    if text.count("m") > 1:
        return text
    sizes = (value.size, value.horizontal_precision, value.vertical_precision)
    return " ".join([text, *(f"{size / 100:.2f}m" for size in sizes)])

"""Values read from their text, as servers read them."""

import re
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
from dns.rdataclass import IN
from dns.rdatatype import AAAA, A
from dns.rdtypes.ANY.LOC import LOC

_make_loc: Any = LOC  # the constructors have no types
_make_ipv4: Any = dns.rdtypes.IN.A.A
_make_ipv6: Any = dns.rdtypes.IN.AAAA.AAAA
_ADDRESS = re.compile(r"[0-9a-fA-F.:]+")
_HOST_NAME = re.compile(r"[\w*-]+(?:\.[\w*-]+)*", re.ASCII)


def read_name(text: str) -> dns.name.Name:
    """Return an absolute name. Raises DNSException."""
    if _HOST_NAME.fullmatch(text):  # of which dnspython would look at each character
        return dns.name.Name((*text.encode().split(b"."), b""))
    return dns.name.from_text(text)


def read_rdata(rdtype: str, text: str) -> dns.rdata.Rdata:
    """Return a value; names in it are absolute. Raises DNSException, ValueError."""
    if rdtype in ("A", "AAAA") and _ADDRESS.fullmatch(text):  # most values are; no tokenizer is needed
        made: dns.rdata.Rdata = _make_ipv4(IN, A, text) if rdtype == "A" else _make_ipv6(IN, AAAA, text)
        return made
    value = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, relativize=False)
    return _in_centimetres(value) if isinstance(value, LOC) else value


def _in_centimetres(loc: LOC) -> LOC:
    """Return a location of whole centimetres: dnspython makes 28.999 of "0.29m", and sends 28."""
    lengths = (loc.altitude, loc.size, loc.horizontal_precision, loc.vertical_precision)
    made: LOC = _make_loc(loc.rdclass, loc.rdtype, loc.latitude, loc.longitude, *map(round, lengths))
    return made

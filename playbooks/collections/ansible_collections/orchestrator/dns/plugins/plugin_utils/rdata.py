"""Values read from their text, as servers read them."""

from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
from dns.rdtypes.ANY.LOC import LOC

_make_loc: Any = LOC  # the constructor has no types


def read_rdata(rdtype: str, text: str) -> dns.rdata.Rdata:
    """Return a value; names in it are absolute. Raises DNSException, ValueError."""
    value = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, dns.name.root, relativize=False)
    return _in_centimetres(value) if isinstance(value, LOC) else value


def _in_centimetres(loc: LOC) -> LOC:
    """Return a location of whole centimetres: dnspython makes 28.999 of "0.29m", and sends 28."""
    lengths = (loc.altitude, loc.size, loc.horizontal_precision, loc.vertical_precision)
    made: LOC = _make_loc(loc.rdclass, loc.rdtype, loc.latitude, loc.longitude, *map(round, lengths))
    return made

"""Values that servers answered, in canonical form: servers keep the case of names, and so does dnspython."""

import dns.rdata
from dns.rdata import RdataStyle
from dns.rdtypes.ANY.CERT import CERT

from app.domain.escapes import escaped
from app.domain.rdata.fields import in_base64

_WITHOUT_BLANKS = RdataStyle(base64_chunk_size=0, hex_chunk_size=0)  # within hexadecimal digits and base64


def as_it_is(rdata: dns.rdata.Rdata) -> str:
    """Return a value that has no names in it."""
    return rdata.to_text(style=_WITHOUT_BLANKS)


def lowered(rdata: dns.rdata.Rdata) -> str:
    """Return a value of names and numbers."""
    return escaped(rdata.to_text(style=_WITHOUT_BLANKS).lower())


def caa(rdata: dns.rdata.Rdata) -> str:
    """Return a CAA, whose tag may be in either case (RFC 8659 4.1)."""
    flags, tag, value = rdata.to_text(style=_WITHOUT_BLANKS).split(" ", 2)
    return f"{flags} {tag.lower()} {value}"


def naptr(rdata: dns.rdata.Rdata) -> str:
    """Return a NAPTR, whose last field is a name."""
    rest, _, name = rdata.to_text(style=_WITHOUT_BLANKS).rpartition(" ")
    return f"{rest} {escaped(name.lower())}"


def svcb(rdata: dns.rdata.Rdata) -> str:
    """Return an SVCB or HTTPS, whose second field is a name."""
    priority, name, *parameters = rdata.to_text(style=_WITHOUT_BLANKS).split(" ", 2)
    return " ".join([priority, escaped(name.lower()), *parameters])


def cert(rdata: dns.rdata.Rdata) -> str:
    """Return a CERT by its numbers: servers know different names for them."""
    assert isinstance(rdata, CERT)
    certificate = in_base64(rdata.certificate)
    return f"{rdata.certificate_type} {rdata.key_tag} {int(rdata.algorithm)} {certificate}"

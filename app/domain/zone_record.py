"""The records of a zone, as a server transfers them or a master file has them, and which are recorded."""

from typing import NamedTuple

import dns.rdatatype

from app.domain.rdata import RecordType


class ZoneRecord(NamedTuple):
    """One record: owner name, type and RDATA are in canonical form, as requests have them."""

    name: str
    type: str
    ttl: int  # seconds
    rdata: str


class Soa(NamedTuple):
    """The SOA record of a zone, which the server keeps."""

    serial: int
    ttl: int  # seconds
    rdata: str


# What the server, or whoever signs the zone, makes by itself. In TYPE65534 BIND keeps how far it has signed.
KEPT_BY_SERVER = frozenset(
    ("SOA", "RRSIG", "SIG", "NSEC", "NXT", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD")
) | {"TYPE65534"}

KEPT_NUMBERS = frozenset(int(dns.rdatatype.from_text(name)) for name in KEPT_BY_SERVER)


def type_name(number: int) -> str:
    """Return the name of a type as requests have it: types without rules here go by their number."""
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType(number))
    return name if name in RecordType.__members__ else f"TYPE{number}"

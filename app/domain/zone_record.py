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


def type_name(number: int) -> str:
    """Return the name of a type as requests have it: types without rules here go by their number."""
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType(number))
    return name if name in RecordType.__members__ else f"TYPE{number}"


# What the server, or whoever signs the zone, makes by itself. Some of it only at the apex: elsewhere a CDS
# signals for another zone (RFC 9615 2), and who has put it there wants it kept. In TYPE65534 BIND keeps how
# far it has signed.
_KEPT = frozenset(
    int(dns.rdatatype.from_text(name))
    for name in ("SOA", "RRSIG", "SIG", "NSEC", "NXT", "NSEC3", "NSEC3PARAM", "ZONEMD")
)
_KEPT_AT_APEX = frozenset(
    int(dns.rdatatype.from_text(name)) for name in ("DNSKEY", "CDS", "CDNSKEY", "TYPE65534")
)
KEPT_AT_APEX = frozenset(map(type_name, _KEPT_AT_APEX))  # of the types that requests can have


# Types of questions and messages: no zone has records of them (RFC 6895 3.1).
_META_TYPES = frozenset((0, int(dns.rdatatype.OPT), *range(128, 256)))


def is_meta_type(number: int) -> bool:
    """Whether it is the type of a question, or of a part of a message, and of no record of a zone."""
    return number in _META_TYPES


def is_kept_by_server(number: int, name: str, apex: str) -> bool:
    """Whether the server keeps records of this type by itself at this name of the zone."""
    return number in _KEPT or (number in _KEPT_AT_APEX and name == apex)

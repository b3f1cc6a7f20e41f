"""The record types: those that can be asked for by name, all others by number, and those that are refused."""

import re
from enum import StrEnum
from typing import Any

import dns.exception
import dns.rdatatype


class RecordType(StrEnum):
    """The record types that can be asked for, in whatever case.

    A type without a name here is one by its number, `RecordType("TYPE65280")` (RFC 3597 5); it is not among
    the members. A number whose type has a name is the same type.
    """

    A = "A"
    AAAA = "AAAA"
    AFSDB = "AFSDB"
    APL = "APL"
    CAA = "CAA"
    CDNSKEY = "CDNSKEY"
    CDS = "CDS"
    CERT = "CERT"
    CNAME = "CNAME"
    CSYNC = "CSYNC"
    DHCID = "DHCID"
    DNAME = "DNAME"
    DNSKEY = "DNSKEY"
    DS = "DS"
    EUI48 = "EUI48"
    EUI64 = "EUI64"
    HINFO = "HINFO"
    HTTPS = "HTTPS"
    KX = "KX"
    L32 = "L32"
    L64 = "L64"
    LOC = "LOC"
    LP = "LP"
    MX = "MX"
    NAPTR = "NAPTR"
    NID = "NID"
    NS = "NS"
    OPENPGPKEY = "OPENPGPKEY"
    PTR = "PTR"
    RP = "RP"
    SMIMEA = "SMIMEA"
    SRV = "SRV"
    SSHFP = "SSHFP"
    SVCB = "SVCB"
    TLSA = "TLSA"
    TXT = "TXT"
    URI = "URI"

    def __reduce_ex__(self, proto: Any) -> tuple[type["RecordType"], tuple[str]]:
        # Python 3.11.2 pickles an enum's member by its name, which one by its number has not.
        return RecordType, (self._value_,)

    @property
    def is_unknown(self) -> bool:
        """Whether it is a type by its number, of which nothing is known here."""
        return self._value_ not in RecordType.__members__

    @classmethod
    def _missing_(cls, value: object) -> "RecordType | None":
        if not isinstance(value, str):
            return None
        upper = value.upper()
        if upper in cls.__members__:
            return cls.__members__[upper]
        number = _NUMBERED.fullmatch(upper)
        return cls._of_number(int(number[1])) if number else None

    @classmethod
    def _of_number(cls, number: int) -> "RecordType | None":
        if number > _LAST:
            return None
        known = dns.rdatatype.RdataType(number)
        name = dns.rdatatype.to_text(known)
        if name in cls.__members__ or _refusal(known) is not None:
            return cls.__members__.get(name)
        unknown = str.__new__(cls, f"TYPE{number}")
        unknown._name_ = unknown._value_ = f"TYPE{number}"
        return unknown


_NUMBERED = re.compile(r"TYPE(0|[1-9][0-9]{0,4})")
_LAST = 0xFFFF
_SIGNER = "whoever signs the zone writes it"
_REFUSED = {
    "SOA": "the server keeps it: its serial grows with each change (RFC 2136 3.6)",
    "RRSIG": _SIGNER,
    "SIG": _SIGNER,
    "NSEC": _SIGNER,
    "NSEC3": _SIGNER,
    "NSEC3PARAM": _SIGNER,
    "NXT": "NSEC has taken its place (RFC 3755)",
    "ZONEMD": "it is a digest of the zone, which the server makes (RFC 8976)",
    "SPF": 'it was given up: use a TXT, such as "v=spf1 -all" (RFC 7208 3.1)',
    "MD": "MX has taken its place (RFC 973)",
    "MF": "MX has taken its place (RFC 973)",
    "A6": "AAAA has taken its place (RFC 6563)",
    "NULL": "no zone file can have it (RFC 1035 3.3.10)",
    "NXNAME": "no zone can have it (RFC 9824)",
}


def why_refused(name: str) -> str | None:
    """Return why no record of this type can be asked for by this name; None where it can, or is none."""
    try:
        number = dns.rdatatype.from_text(name)
    except (dns.exception.DNSException, ValueError):
        return None
    known = dns.rdatatype.to_text(number)
    if known in RecordType.__members__ or (known.startswith("TYPE") and number):
        return None
    return _refusal(number) or f"it is not known here by its name: use TYPE{int(number)}, and \\# 4 0a000001"


def _refusal(number: dns.rdatatype.RdataType) -> str | None:
    """Return why no record of this type can be asked for at all."""
    if not number or dns.rdatatype.is_metatype(number):
        return "it is for questions and messages: no zone has records of it (RFC 6895 3.1)"
    return _REFUSED.get(dns.rdatatype.to_text(number))

"""What the grid says about record types: an example of a value, and which further cells a type has."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.domain.rdata import RecordType


class TypeHint(NamedTuple):
    """An example of a value, what it is made of, and the cells beside it."""

    example: str
    words: str = ""
    cells: Sequence[str] = ()


_NAME = "a host name"
_PRIORITY, _PTR = ("priority",), ("manage_ptr",)

HINTS: Mapping[RecordType, TypeHint] = {
    RecordType.A: TypeHint("192.0.2.10", "an IPv4 address", _PTR),
    RecordType.AAAA: TypeHint("2001:db8::10", "an IPv6 address", _PTR),
    RecordType.CNAME: TypeHint("www.example.test.", "the name that it stands for"),
    RecordType.MX: TypeHint("mail.example.test.", "a mail server; the lowest priority first", _PRIORITY),
    RecordType.TXT: TypeHint("v=spf1 -all", "text"),
    RecordType.SRV: TypeHint("server.example.test.", _NAME, ("priority", "weight", "port")),
    RecordType.PTR: TypeHint("host.example.test.", _NAME),
    RecordType.NS: TypeHint("ns1.example.test.", "a name server"),
    RecordType.CAA: TypeHint('0 issue "ca.example.net"', "flags, tag, value"),
    RecordType.HTTPS: TypeHint("1 . alpn=h2", "priority, target, parameters"),
    RecordType.SVCB: TypeHint("1 server.example.test. port=8443", "priority, target, parameters"),
    RecordType.DS: TypeHint("60485 13 2 " + "ab" * 32, "key tag, algorithm, digest type, digest"),
    RecordType.TLSA: TypeHint("3 1 1 " + "ab" * 32, "usage, selector, matching type, data"),
    RecordType.SSHFP: TypeHint("4 2 " + "ab" * 32, "algorithm, type, fingerprint"),
    RecordType.NAPTR: TypeHint(
        '100 10 "s" "SIP+D2U" "" _sip._udp.example.test.', "order, preference, flags, …"
    ),
    RecordType.URI: TypeHint("https://example.test/", "an address", ("priority", "weight")),
    RecordType.DNAME: TypeHint("other.example.test.", "the name under which all below is found"),
}

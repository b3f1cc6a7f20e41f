"""RDATA: what a record may hold, in canonical presentation format, which the whole service compares."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from ipaddress import AddressValueError, IPv6Address
from types import MappingProxyType

import dns.exception
import dns.ipv6
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from app.domain.errors import InvalidName, InvalidRdata, quoted
from app.domain.names import escaped, host_name
from app.domain.values import ANY_NUMBER


class RecordType(StrEnum):
    """The record types that can be asked for, in whatever case."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    TXT = "TXT"
    SRV = "SRV"
    NS = "NS"
    PTR = "PTR"
    CAA = "CAA"

    @classmethod
    def _missing_(cls, value: object) -> "RecordType | None":
        upper = value.upper() if isinstance(value, str) else None
        return cls.__members__.get(upper) if upper and upper != value else None


DEFAULT_MX_PREFERENCE = 10
MAX_STRING = 255  # octets in one <character-string>, RFC 1035 3.3
MAX_RDATA = 64_000  # octets of an RRset's values: with names and a signature they must fit into one message
MAX_TEXT = 63_738  # octets of a text: with the lengths of its strings it is an RRset of MAX_RDATA

_NO_HOST = "."  # "there is no such service": RFC 7505 3, RFC 2782
_NOTHING: Mapping[str, object] = MappingProxyType({})
_TARGET_CODES = {
    "name_is_ip": "target_is_ip",
    "name_is_url": "target_is_url",
    "name_not_fqdn": "target_not_fqdn",
}
_ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)
_RECORD_HEAD = 12  # octets before the RDATA, the owner name compressed, RFC 1035 4.1.3
_LONGER_ON_THE_WIRE = 14  # octets at most: "::" becomes 16
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_NOTHING_TO_ESCAPE = re.compile(rf"[ !#-\[\]-~]{{0,{MAX_STRING}}}")  # printable ASCII without " and \
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PRESENTATION = re.compile(rf"{_QUOTED.pattern}(?:[ \t]+{_QUOTED.pattern})*", re.DOTALL)
_ESCAPED = re.compile(rb"\\(?:([0-9]{3})|(.))", re.DOTALL)
_BLANKS = re.compile(r"[ \t]+")  # between the fields, RFC 1035 5.1
_DIGITS = re.compile(r"[0-9]{1,5}")
_CAA = re.compile(
    r"""([0-9]{1,3})[ \t]+("?)([A-Za-z0-9]{1,255})\2[ \t]+(?:"((?:[^"\\]|\\["\\])*)"|([^\s"\\;()]+))"""
)
_CAA_ISSUER = re.compile(  # RFC 8659 4.2
    r"""\s*(?:[a-z0-9](?:-*[a-z0-9])*(?:\.[a-z0-9](?:-*[a-z0-9])*)*\s*)?
        (?:;\s*(?:[a-z0-9](?:-*[a-z0-9])*\s*=\s*(?:[!-:<-~]+\s*)?(?:;\s*|$))*)?""",
    re.IGNORECASE | re.VERBOSE,
)
_CAA_REPORT = re.compile(r"(?:mailto:|https?://)[!-~]+", re.IGNORECASE)  # RFC 8659 4.4


def canonical(
    record_type: RecordType,
    target: str,
    *,
    priority: int | None = None,
    extra: Mapping[str, object] = _NOTHING,
    pattern: bool = False,
) -> str:
    """Return `target` in canonical presentation format: as dnspython prints it, names absolute, lower case.

    TXT is taken literally, as UTF-8; in quotes it is read as in a zone file: `"one" "two"` are two strings,
    and `\\255` is an octet. MX takes `priority` (10 when left out) or "10 mail.example.test". SRV takes
    `priority` (0) with `weight` (0) and `port` from `extra`, or "10 5 5060 sip.example.test". CAA is written
    as `0 issue "ca.example"`. Other types ignore `priority` and `extra`. With `pattern` the numbers that are
    left out are any: "* mail.example.test." (`domain/values.py`). Raises InvalidRdata.
    """
    if record_type is RecordType.MX:
        return _mx(target, priority, pattern=pattern)
    if record_type is RecordType.SRV:
        return _srv(target, priority, extra, pattern=pattern)
    return _PLAIN[record_type](target)


def presentation(rdata: dns.rdata.Rdata) -> str:
    """Return what a server answered in the form of `canonical`: servers keep the case of names."""
    text = rdata.to_text()
    if rdata.rdtype == dns.rdatatype.TXT:
        return text
    if rdata.rdtype == dns.rdatatype.CAA:
        flags, tag, value = text.split(" ", 2)
        return f"{flags} {tag.lower()} {value}"
    if rdata.rdtype in _ADDRESSES:
        return text
    return escaped(text.lower())


def octets(record_type: RecordType, values: Collection[str]) -> int:
    """Return how many octets the canonical `values` take in a message at most; exact near `MAX_RDATA`."""
    at_most = sum(map(len, values)) + len(values) * (_RECORD_HEAD + _LONGER_ON_THE_WIRE)
    if at_most <= MAX_RDATA:
        return at_most
    parsed = (dns.rdata.from_text("IN", record_type.value, value) for value in values)
    return sum(len(rdata.to_wire() or b"") + _RECORD_HEAD for rdata in parsed)


def _a(target: str) -> str:
    """Four numbers without leading zeros, so that there is one way to write an address."""
    if not _IPV4.fullmatch(target):
        raise InvalidRdata("ipv4_invalid", f"{quoted(target)} is not an IPv4 address")
    return target


def _aaaa(target: str) -> str:
    try:
        address = IPv6Address(target)
    except AddressValueError as error:
        raise InvalidRdata("ipv6_invalid", f"{quoted(target)} is not an IPv6 address") from error
    if address.scope_id is not None:
        raise InvalidRdata("ipv6_invalid", f"{quoted(target)} has a zone index, which DNS cannot hold")
    return dns.ipv6.inet_ntoa(address.packed)


def _host(target: str) -> str:
    return _named(target, underscore=False)


def _any_name(target: str) -> str:
    """A CNAME or PTR may point to what is no host: to a service, say (RFC 6763 4.1)."""
    return _named(target, underscore=True)


def _named(target: str, *, underscore: bool) -> str:
    try:
        return host_name(target, underscore=underscore)
    except InvalidName as error:
        raise InvalidRdata(_TARGET_CODES.get(error.code, "target_invalid"), error.message) from error


def _mx(target: str, priority: int | None, *, pattern: bool) -> str:
    """RFC 1035 3.3.9. A preference of 0 and the root say that there is no mail (RFC 7505)."""
    fields = _BLANKS.split(target)
    if len(fields) == 2:
        priority = _agreed("priority_invalid", _number("priority_invalid", "priority", fields[0]), priority)
    elif len(fields) != 1:
        raise InvalidRdata(
            "rdata_invalid", f"{quoted(target)} is not a host name, nor a preference and a host name"
        )
    if fields[-1] == _NO_HOST:
        return _null_mx(priority)
    if priority is None:
        return f"{ANY_NUMBER if pattern else DEFAULT_MX_PREFERENCE} {_host(fields[-1])}"
    return f"{_number('priority_invalid', 'priority', priority)} {_host(fields[-1])}"


def _null_mx(priority: int | None) -> str:
    if priority:
        raise InvalidRdata("priority_invalid", "a null MX has the preference 0 (RFC 7505 3)")
    return f"0 {_NO_HOST}"


def _srv(target: str, priority: int | None, extra: Mapping[str, object], *, pattern: bool) -> str:
    """RFC 2782."""
    given: dict[str, object] = {
        "priority": priority,
        "weight": extra.get("weight"),
        "port": extra.get("port"),
    }
    fields = _BLANKS.split(target)
    if len(fields) == 4:
        written = dict(zip(given, fields, strict=False))
        numbers: list[int | str] = [_agreed_field(name, text, given[name]) for name, text in written.items()]
    elif len(fields) == 1 and pattern:
        numbers = [
            ANY_NUMBER if value is None else _number(f"{name}_invalid", name, value)
            for name, value in given.items()
        ]
    elif len(fields) == 1:
        numbers = _srv_numbers(given, has_host=target != _NO_HOST)
    else:
        raise InvalidRdata("rdata_invalid", f"{quoted(target)} is not priority, weight, port and host name")
    host = fields[-1] if fields[-1] == _NO_HOST else _host(fields[-1])
    return " ".join([*map(str, numbers), host])


def _srv_numbers(given: Mapping[str, object], *, has_host: bool) -> list[int | str]:
    if given["port"] is None and has_host:
        raise InvalidRdata("port_missing", "an SRV record needs a port: extra_config.port")
    return [_number(f"{name}_invalid", name, 0 if value is None else value) for name, value in given.items()]


def _agreed_field(name: str, text: str, given: object) -> int:
    code = f"{name}_invalid"
    return _agreed(code, _number(code, name, text), None if given is None else _number(code, name, given))


def _agreed(code: str, written: int, given: int | None) -> int:
    if given is not None and given != written:
        raise InvalidRdata(code, f"the target says {written}, the configuration says {given}")
    return written


def _number(code: str, what: str, value: object) -> int:
    """Return a 16-bit number that is given as a number or as its digits."""
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if type(number) is int and 0 <= number <= 0xFFFF:
        return number
    raise InvalidRdata(code, f"the {what} must be a whole number from 0 to 65535")


def _txt(target: str) -> str:
    """Return exactly these characters, in as many strings as they need (RFC 1035 3.3.14)."""
    if _NOTHING_TO_ESCAPE.fullmatch(target):
        return f'"{target}"'
    if target.startswith('"') and _PRESENTATION.fullmatch(target):
        return _txt_of_strings([_string(quotation) for quotation in _QUOTED.findall(target)])
    try:
        octets = target.encode()
    except UnicodeEncodeError as error:
        raise InvalidRdata("text_invalid", "the text is not valid Unicode") from error
    if b"\0" in octets:
        raise InvalidRdata("text_invalid", "the text has a NUL character")
    return _txt_of_strings([octets[i : i + MAX_STRING] for i in range(0, len(octets), MAX_STRING)] or [b""])


def _txt_of_strings(strings: Sequence[bytes]) -> str:
    size = sum(map(len, strings))
    if size + len(strings) + _RECORD_HEAD > MAX_RDATA:
        most = (
            f"{MAX_TEXT} are allowed" if size > MAX_TEXT else f"which is too much in {len(strings)} strings"
        )
        raise InvalidRdata("text_too_long", f"the text has {size} octets, {most}")
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings).to_text()


def _string(quotation: str) -> bytes:
    """Return the octets of what stands between two quotes in a zone file (RFC 1035 5.1)."""
    try:
        written = quotation.encode()
    except UnicodeEncodeError as error:
        raise InvalidRdata("text_invalid", "the text is not valid Unicode") from error
    if any(int(found[1] or 0) > 0xFF for found in _ESCAPED.finditer(written)):
        raise InvalidRdata("text_invalid", f"{quoted(quotation)} has a number above 255 after a backslash")
    octets = _ESCAPED.sub(lambda found: bytes([int(found[1])]) if found[1] else found[2], written)
    if len(octets) > MAX_STRING:
        raise InvalidRdata(
            "text_too_long", f"{quoted(quotation)} has {len(octets)} octets, one string holds {MAX_STRING}"
        )
    return octets


def _caa(target: str) -> str:
    """RFC 8659 4.1.1: flags, tag, value."""
    match = _CAA.fullmatch(target)
    value = "" if match is None else match[5] if match[4] is None else match[4]
    if match is None or not value.isascii() or not value.isprintable() or int(match[1]) > 0xFF:
        raise InvalidRdata("caa_invalid", f'{quoted(target)} is not of the form 0 issue "ca.example"')
    flags, tag = int(match[1]), match[3].lower()
    _check_caa_value(tag, re.sub(r"\\(.)", r"\1", value))
    return dns.rdata.from_text("IN", "CAA", f'{flags} {tag} "{value}"').to_text()


def _check_caa_value(tag: str, value: str) -> None:
    if tag in ("issue", "issuewild") and not _CAA_ISSUER.fullmatch(value):
        raise InvalidRdata("caa_invalid", f"{quoted(value)} does not name a certification authority")
    if tag == "iodef" and not _CAA_REPORT.fullmatch(value):
        raise InvalidRdata("caa_invalid", f"{quoted(value)} is not a mailto:, http: or https: URL")


_PLAIN: Mapping[RecordType, Callable[[str], str]] = {
    RecordType.A: _a,
    RecordType.AAAA: _aaaa,
    RecordType.CNAME: _any_name,
    RecordType.NS: _host,
    RecordType.PTR: _any_name,
    RecordType.TXT: _txt,
    RecordType.CAA: _caa,
}

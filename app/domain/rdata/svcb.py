"""SVCB and HTTPS (RFC 9460): where a service is, and how it is spoken to."""

import re

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.addresses import read_ipv4, read_ipv6
from app.domain.rdata.fields import Fields
from app.domain.rdata.numbered import Number, read_number
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_FORM = '1 . alpn="h2,h3" ipv4hint=192.0.2.1'
_ALIAS_FORM = "0 pool.example.test"
_PRIORITY = Number("priority", None)
_PARAMETER = re.compile(r"([A-Za-z0-9-]{1,63})(?:=(.*))?", re.DOTALL)
_NUMBERED = re.compile(r"key(0|[1-9][0-9]{0,4})")
_NAMES = {  # RFC 9460 14.3.2 and the registry
    "mandatory": 0,
    "alpn": 1,
    "no-default-alpn": 2,
    "port": 3,
    "ipv4hint": 4,
    "ech": 5,
    "ipv6hint": 6,
    "dohpath": 7,  # RFC 9461
    "ohttp": 8,  # RFC 9540
    "docpath": 10,  # RFC 9953
}
_RESERVED = 0xFFFF  # "invalid key"
_WITHOUT_VALUE = ("no-default-alpn", "ohttp")
_DOHPATH = re.compile(r"/[^\s]*\{[?&][a-z,]*\bdns\b[a-z,]*\}")  # RFC 9461 5: a template with the variable dns

_Parameters = dict[str, str | None]


def read_svcb(target: str, given: Given = NOTHING_GIVEN) -> str:
    """RFC 9460 2.1: priority, target name, parameters. The priority 0 makes an alias, without parameters."""
    fields = Fields(target, _FORM)
    written = fields.word("priority") if fields.peek()[:1].isdigit() and fields.left > 1 else None
    priority = read_number(_PRIORITY, written, given.priority)
    if priority is None:
        fields.refuse("priority_missing", "the priority is missing: 0 for an alias, 1 or more for a service")
    name = fields.name("target name")
    parameters: _Parameters = {}
    while fields.left:
        _add(fields, parameters, fields.raw("parameter"))
    if not priority and parameters:
        message = f"an alias (the priority 0) has no parameters; such as {_ALIAS_FORM}, or {_FORM}"
        raise InvalidRdata("svcb_invalid", message)
    _check(fields, parameters)
    texts = (key if value is None else f"{key}={value}" for key, value in parameters.items())
    return " ".join([str(priority), name, *texts])


def _add(fields: Fields, parameters: _Parameters, word: str) -> None:
    found = _PARAMETER.fullmatch(word)
    key = _key(found[1]) if found else None
    if found is None or key is None:
        fields.refuse(
            "svcb_invalid", f"{quoted(word)} is not a parameter: a known key, or key667, and its value"
        )
    if key in parameters:
        fields.refuse("svcb_invalid", f"the parameter {key} is there twice")
    parameters[key] = found[2] or None
    value = (found[2] or "").removeprefix('"').removesuffix('"')
    if key in _WITHOUT_VALUE and value:
        fields.refuse("svcb_invalid", f"the parameter {key} has no value")
    if key in _NAMES and key not in _WITHOUT_VALUE and not value and key != "docpath":
        fields.refuse("svcb_invalid", f"the parameter {key} needs a value")
    _check_value(fields, key, value)


def _key(written: str) -> str | None:
    """Return the name of a key, or its number where it has no name; None where there is no such key."""
    key = written.lower()
    number = _NUMBERED.fullmatch(key)
    if number is None:
        return key if key in _NAMES else None
    return key if int(number[1]) < _RESERVED else None


def _check_value(fields: Fields, key: str, value: str) -> None:
    if key == "port" and not (
        value.isascii() and value.isdecimal() and len(value) < 6 and int(value) <= 0xFFFF
    ):
        fields.refuse("svcb_invalid", "the port is a number from 0 to 65535")
    if key in ("ipv4hint", "ipv6hint"):
        read = read_ipv4 if key == "ipv4hint" else read_ipv6
        for address in value.split(","):
            read(address)
    if key == "dohpath" and not _DOHPATH.fullmatch(value):
        fields.refuse("svcb_invalid", "the dohpath is a path with the variable dns: /dns-query{?dns}")
    if key == "alpn" and any(not protocol for protocol in value.split(",")):
        fields.refuse("svcb_invalid", "the alpn has an empty protocol")


def _check(fields: Fields, parameters: _Parameters) -> None:
    """RFC 9460 7.1.1 and 8: what one parameter demands of others."""
    numbers = {_number(key) for key in parameters}
    if "no-default-alpn" in parameters and _NAMES["alpn"] not in numbers:
        fields.refuse("svcb_invalid", "no-default-alpn needs an alpn beside it")
    wanted = (parameters.get("mandatory") or "").strip('"').lower().split(",")
    keys = [_key(key) for key in wanted] if "mandatory" in parameters else []
    for written, key in zip(wanted, keys, strict=False):
        if key is None:
            fields.refuse("svcb_invalid", f"mandatory names {quoted(written)}, which is no key")
        if key in ("mandatory", "key0"):
            fields.refuse("svcb_invalid", "mandatory does not name itself")
        if _number(key) not in numbers:
            fields.refuse("svcb_invalid", f"mandatory names {key}, which is not among the parameters")
    if len(set(keys)) < len(keys):
        fields.refuse("svcb_invalid", "mandatory names a key twice")
    if keys:
        parameters["mandatory"] = ",".join(str(key) for key in keys)


def _number(key: str) -> int:
    return _NAMES[key] if key in _NAMES else int(key.removeprefix("key"))

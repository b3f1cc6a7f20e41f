"""SVCB and HTTPS (RFC 9460): where a service is, and how it is spoken to."""

import re
from typing import NamedTuple

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.addresses import read_ipv4, read_ipv6
from app.domain.rdata.fields import Fields
from app.domain.rdata.numbered import Number, read_number
from app.domain.rdata.reading import NOTHING_GIVEN, Given
from app.domain.rdata.strings import octets_of

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
_WITH_VALUE = ("mandatory", "alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath")
_LISTS = ("mandatory", "alpn", "ipv4hint", "ipv6hint")
_HINTS = {"ipv4hint": read_ipv4, "ipv6hint": read_ipv6}
_PORT = re.compile(r"0*(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])")
_PORT_OCTETS = 2  # dnspython would ignore others
_VARIABLES = re.compile(r"[?&]([a-z,]*)\}")  # of the last expression of a template, RFC 6570 3.2.8
_BLANK = re.compile(r"\s")
_MAX_WRITTEN = 16_384  # characters of a value: resolvers get it whole, with all the others, in one answer
_MAX_PARTS = 100  # parameters, or items of one: hints stand for an RRset, and no RRset has more values


class _Parameter(NamedTuple):
    key: str
    value: str | None  # as it is written, with its quotes

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


_Parameters = dict[int, _Parameter]  # by the number of the key


def read_svcb(target: str, given: Given = NOTHING_GIVEN) -> str:
    """RFC 9460 2.1: priority, target name, parameters. The priority 0 makes an alias, without parameters."""
    if len(target) > _MAX_WRITTEN:
        raise InvalidRdata("rrset_too_large", f"the value has more than {_MAX_WRITTEN} characters")
    fields = Fields(target, _FORM)
    written = fields.word("priority") if fields.peek()[:1].isdigit() else None
    name = fields.name("target name")
    priority = read_number(_PRIORITY, written, given.priority)
    if priority is None:
        fields.refuse("priority_missing", "the priority is missing: 0 for an alias, 1 or more for a service")
    if fields.left > _MAX_PARTS:
        fields.refuse("too_many_parts", f"{fields.left} parameters, {_MAX_PARTS} are allowed")
    parameters: _Parameters = {}
    while fields.left:
        _add(fields, parameters, fields.raw("parameter"))
    if not priority and parameters:
        message = f"an alias (the priority 0) has no parameters; such as {_ALIAS_FORM}, or {_FORM}"
        raise InvalidRdata("svcb_invalid", message)
    if _NAMES["no-default-alpn"] in parameters and _NAMES["alpn"] not in parameters:
        fields.refuse("svcb_invalid", "no-default-alpn needs an alpn beside it")
    _check_mandatory(fields, parameters)
    return " ".join([str(priority), name, *map(str, parameters.values())])


def _add(fields: Fields, parameters: _Parameters, word: str) -> None:
    found = _PARAMETER.fullmatch(word)
    key = _key(found[1]) if found else None
    if found is None or key is None:
        message = f"{quoted(word)} is not a parameter: a known key, or key667, and its value"
        fields.refuse("svcb_invalid", message)
    number = _number(key)
    if number in parameters:
        fields.refuse("svcb_invalid", f"the parameter {key} is there twice")
    parameters[number] = _Parameter(key, found[2] or None)
    value = (found[2] or "").removeprefix('"').removesuffix('"')
    _check_escapes(fields, value)
    _check_value(fields, key, value)


def _key(written: str) -> str | None:
    """Return a key in lower case; None where there is no such key."""
    key = written.lower()
    number = _NUMBERED.fullmatch(key)
    return key if key in _NAMES or (number and int(number[1]) < _RESERVED) else None


def _number(key: str) -> int:
    return _NAMES[key] if key in _NAMES else int(key.removeprefix("key"))


def _check_escapes(fields: Fields, value: str) -> None:
    try:
        octets_of(value, _MAX_WRITTEN)
    except InvalidRdata as error:
        fields.refuse("rdata_invalid", error.message)


def _check_value(fields: Fields, key: str, value: str) -> None:
    if key in _LISTS and value.count(",") >= _MAX_PARTS:
        fields.refuse("too_many_parts", f"the parameter {key} has more than {_MAX_PARTS} items")
    if key in _WITHOUT_VALUE and value:
        fields.refuse("svcb_invalid", f"the parameter {key} has no value")
    if key in _WITH_VALUE and not value:
        fields.refuse("svcb_invalid", f"the parameter {key} needs a value")
    if key in _HINTS:
        for address in value.split(","):
            _HINTS[key](address)
    _check_form(fields, key, value)


def _check_form(fields: Fields, key: str, value: str) -> None:
    if key == "port" and not _PORT.fullmatch(value):
        fields.refuse("svcb_invalid", "the port is a number from 0 to 65535")
    if key == "key3" and len(octets_of(value)) != _PORT_OCTETS:
        message = 'by its number a parameter is written as octets: port=853, or key3="\\003\\085"'
        fields.refuse("svcb_invalid", message)
    if key == "dohpath" and not _is_dohpath(value):
        fields.refuse("svcb_invalid", "the dohpath is a path with the variable dns: /dns-query{?dns}")
    if key == "alpn" and not all(value.split(",")):
        fields.refuse("svcb_invalid", "the alpn has an empty protocol")


def _is_dohpath(value: str) -> bool:
    """RFC 9461 5: a relative template whose last expression has the variable dns."""
    path, _, expression = value.rpartition("{")
    variables = _VARIABLES.fullmatch(expression)
    return (
        path.startswith("/")
        and not _BLANK.search(path)
        and variables is not None
        and "dns" in variables[1].split(",")
    )


def _check_mandatory(fields: Fields, parameters: _Parameters) -> None:
    """RFC 9460 8: each key once, itself not, and all of them there."""
    mandatory = parameters.get(_NAMES["mandatory"])
    if mandatory is None or mandatory.key != "mandatory":
        return
    keys = (mandatory.value or "").strip('"').lower().split(",")
    if len(set(keys)) < len(keys):
        fields.refuse("svcb_invalid", "mandatory names a key twice")
    for key in keys:
        if _key(key) is None or not _number(key):
            fields.refuse("svcb_invalid", f"mandatory names {quoted(key)}, which is no key that it can name")
        if _number(key) not in parameters:
            fields.refuse("svcb_invalid", f"mandatory names {key}, which is not among the parameters")
    parameters[0] = _Parameter("mandatory", ",".join(keys))

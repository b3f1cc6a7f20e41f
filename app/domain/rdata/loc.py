"""LOC (RFC 1876): where something is."""

import re
from decimal import Decimal
from typing import Any

import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.LOC import LOC

from app.domain.errors import quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_FORM = "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"
_SECONDS = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,3}))?")
_METRES = re.compile(r"(-?[0-9]{1,8}(?:\.[0-9]{1,2})?)m?", re.IGNORECASE)
_LOWEST, _HIGHEST = -10_000_000, 4_284_967_295  # centimetres, RFC 1876 2
_LARGEST = 9_000_000_000  # centimetres
_SIZES = ("size", "horizontal precision", "vertical precision")
_DEFAULT_SIZES = (100, 1_000_000, 1_000)  # centimetres, RFC 1876 3

_make: Any = LOC  # the constructor has no types
_Angle = tuple[int, int, int, int, int]  # degrees, minutes, seconds, milliseconds, sign


def read_loc(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 1876 3: latitude, longitude, altitude; size and precisions where they are not the usual ones."""
    fields = Fields(target, _FORM)
    latitude = _angle(fields, "latitude", 90, {"N": 1, "S": -1})
    longitude = _angle(fields, "longitude", 180, {"E": 1, "W": -1})
    altitude = _centimetres(fields, "altitude", _LOWEST, _HIGHEST)
    sizes = [
        _centimetres(fields, what, 0, _LARGEST) if fields.left else usual
        for what, usual in zip(_SIZES, _DEFAULT_SIZES, strict=True)
    ]
    fields.end()
    loc = _make(dns.rdataclass.IN, dns.rdatatype.LOC, latitude, longitude, altitude, *map(_rounded, sizes))
    return str(loc.to_text())


def exact(loc: LOC) -> LOC:
    """Return what dnspython has read in whole centimetres: it makes 28.999 of "0.29m", and 28 of that."""
    centimetres = (loc.altitude, loc.size, loc.horizontal_precision, loc.vertical_precision)
    made: LOC = _make(loc.rdclass, loc.rdtype, loc.latitude, loc.longitude, *map(round, centimetres))
    return made


def _angle(fields: Fields, what: str, most: int, signs: dict[str, int]) -> _Angle:
    degrees, minutes, seconds, milliseconds = fields.number(f"degrees of the {what}", most), 0, 0, 0
    if fields.peek().upper() not in signs:
        minutes = fields.number(f"minutes of the {what}", 59)
    if fields.peek().upper() not in signs:
        found = _SECONDS.fullmatch(word := fields.word(f"seconds of the {what}"))
        if found is None or int(found[1]) > 59:
            fields.refuse(
                "number_invalid", f"the seconds of the {what} are from 0 to 59.999, not {quoted(word)}"
            )
        seconds, milliseconds = int(found[1]), int((found[2] or "").ljust(3, "0"))
    sign = signs.get(fields.word(f"hemisphere of the {what}").upper())
    if sign is None:
        fields.refuse("number_invalid", f"behind the {what} comes {' or '.join(signs)}")
    if degrees == most and (minutes or seconds or milliseconds):
        fields.refuse("number_invalid", f"the {what} is {most} degrees at most")
    is_zero = not (degrees or minutes or seconds or milliseconds)
    return degrees, minutes, seconds, milliseconds, 1 if is_zero else sign


def _centimetres(fields: Fields, what: str, least: int, most: int) -> int:
    found = _METRES.fullmatch(word := fields.word(what))
    if found is None:
        message = f"the {what} is metres with two decimals at most, as in 0.50m, not {quoted(word)}"
        fields.refuse("number_invalid", message)
    value = int(Decimal(found[1]) * 100)
    if not least <= value <= most:
        fields.refuse("number_invalid", f"the {what} is from {least // 100} to {most // 100} metres")
    return value


def _rounded(centimetres: int) -> int:
    """Return what one digit and a power of ten can tell, which is all that there is room for (RFC 1876 2)."""
    power = int(10 ** (len(str(centimetres)) - 1))
    return centimetres // power * power

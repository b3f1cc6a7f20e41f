"""TXT (RFC 1035 3.3.14): one text, literally or as a zone file has it."""

import re
from collections.abc import Sequence

from app.domain.errors import InvalidRdata
from app.domain.rdata.reading import MAX_RDATA, NOTHING_GIVEN, RECORD_HEAD, Given
from app.domain.rdata.strings import MAX_STRING, octets_of, written

MAX_TEXT = 63_738  # octets of a text: with the lengths of its strings it is an RRset of MAX_RDATA

_NOTHING_TO_ESCAPE = re.compile(rf"[ !#-\[\]-~]{{0,{MAX_STRING}}}")  # printable ASCII without " and \
_QUOTED = r'"((?:[^"\\]|\\.)*+)"'
_AROUND = r"(?:[ \t\r\n()]|;[^\r\n]*+)*+"  # strings in a zone file
_STRINGS = re.compile(rf"{_AROUND}(?:{_QUOTED}{_AROUND})++", re.DOTALL)
_STRING_OR_AROUND = re.compile(rf"{_QUOTED}|[ \t\r\n]++|;[^\r\n]*+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[0-9]{3}|.)", re.DOTALL)
_PAIRS = re.compile(r"(?:\(\))*+")


def read_txt(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Return exactly these characters, in as many strings as they need (RFC 1035 3.3.14)."""
    if _NOTHING_TO_ESCAPE.fullmatch(target):
        return f'"{target}"'
    if quotations := strings_of(target):
        return _txt_of_strings([octets_of(quotation) for quotation in quotations])
    try:
        octets = target.encode()
    except UnicodeEncodeError as error:
        raise InvalidRdata("text_invalid", "the text is not valid Unicode") from error
    if b"\0" in octets:
        raise InvalidRdata("text_invalid", r'the text has a NUL character: in quotes it is "\000"')
    return _txt_of_strings([octets[i : i + MAX_STRING] for i in range(0, len(octets), MAX_STRING)] or [b""])


def strings_of(target: str) -> list[str]:
    """Return what stands between the quotes of a target that is strings in quotes and nothing else.

    As in a zone file (RFC 1035 5.1) blanks, line ends, parentheses and comments may be around them. Empty
    where the target is anything else: it is the text itself then.
    """
    if '"' not in target or not _STRINGS.fullmatch(target):
        return []
    if ("(" in target or ")" in target) and not _PAIRS.fullmatch(_STRING_OR_AROUND.sub("", target)):
        return []
    return [found[1] for found in _STRING_OR_AROUND.finditer(target) if found[1] is not None]


def octets_of_txt(value: str) -> int:
    """Return how many octets a canonical value takes: in a thousandth of the time that it takes to parse."""
    plain = _ESCAPE.sub(".", value)
    strings = plain.count('"') // 2
    return len(plain) - 2 * strings + 1  # each has two quotes and a blank, in a message its length instead


def _txt_of_strings(strings: Sequence[bytes]) -> str:
    size = sum(map(len, strings))
    if size + len(strings) + RECORD_HEAD > MAX_RDATA:
        most = (
            f"{MAX_TEXT} are allowed" if size > MAX_TEXT else f"which is too much in {len(strings)} strings"
        )
        raise InvalidRdata("text_too_long", f"the text has {size} octets, {most}")
    return written(*strings)

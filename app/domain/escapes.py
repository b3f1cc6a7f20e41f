"""Escapes in names (RFC 1035 5.1): what is no letter, digit, hyphen or underscore, by its number.

In canonical form they are written so, as in `my\\032printer._ipp._tcp.example.test` and
`john\\046doe.example.test`: a dot always ends a label, and no reader can mistake what is meant.
"""

import re

from app.domain.errors import InvalidName, quoted

WRITTEN = re.compile(r"(\\[0-9]{3})|(\\[^0-9])|([^.\\])", re.DOTALL)
_UNUSUAL = re.compile(r"[^a-z0-9_.*/ -]")  # blanks stand between a number and a name, say
_ESCAPE = re.compile(r"\\(?:([0-9]{3})|(.))|([^a-z0-9_.*/ \\-])", re.DOTALL)
NUMBER = re.compile(r"\\[0-9]{3}")
_LABEL = re.compile(r"[a-z0-9_-]*")


def octets_of_label(label: str) -> bytes | None:
    """Return the octets of one label, in which a backslash may stand before a character or three digits."""
    parts = WRITTEN.findall(label)
    if "".join(map("".join, parts)) != label or any(
        number and int(number[1:]) > 0xFF for number, *_ in parts
    ):
        return None
    try:
        return b"".join(
            bytes([int(number[1:])]) if number else (character[1:] or text).encode()
            for number, character, text in parts
        )
    except UnicodeEncodeError:
        return None


def unescaped(found: re.Match[str]) -> str:
    """Return one character of an owner name, as `WRITTEN` finds it, in canonical form. Raises InvalidName."""
    written = unescaped_octet(found)
    if NUMBER.fullmatch(written) and (int(written[1:]) < 0x20 or int(written[1:]) == 0x7F):
        raise InvalidName("name_invalid", f"{quoted(found[0])} is a control character")
    return written


def unescaped_octet(found: re.Match[str]) -> str:
    """Return one character of any name, as `WRITTEN` finds it, in canonical form. Raises InvalidName."""
    number, character, text = found.groups()
    octet = int(number[1:]) if number else ord((character or text)[-1])
    if octet > 0xFF:
        raise InvalidName("name_invalid", f"{quoted(found[0])} is above 255")
    written = chr(octet).lower() if octet < 0x80 else chr(octet)
    return written if text or _LABEL.fullmatch(written) or written in "*/" else numbered(written)


def escaped(text: str) -> str:
    """Return names as dnspython writes them, in lower case, in our canonical form."""
    if not _UNUSUAL.search(text):
        return text
    return _ESCAPE.sub(lambda found: found[0] if found[1] else numbered(found[2] or found[3]), text)


def numbered(character: str) -> str:
    """Return a character by its number."""
    return f"\\{ord(character):03d}"

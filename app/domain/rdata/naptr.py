"""NAPTR (RFC 3403 4.1): order, preference, flags, services, regular expression, replacement."""

import re

from app.domain.errors import quoted
from app.domain.rdata.ere import InvalidExpression, count_groups
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NO_SUCH, NOTHING_GIVEN, Given
from app.domain.rdata.strings import written

_FORM = '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .'
_FLAGS = re.compile(rb"[A-Za-z0-9]*")
_SERVICES = re.compile(rb"[A-Za-z0-9:+._ -]*")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)  # a digit is the number of a group, RFC 3402 3.2


def read_naptr(target: str, _: Given = NOTHING_GIVEN) -> str:
    """A regular expression and a replacement exclude each other; the root is no replacement."""
    fields = Fields(target, _FORM)
    order, preference = fields.number("order", 0xFFFF), fields.number("preference", 0xFFFF)
    flags, services = fields.string("flags"), fields.string("services")
    regexp, replacement = fields.string("regular expression"), fields.name("replacement")
    fields.end()
    if not _FLAGS.fullmatch(flags):
        fields.refuse("naptr_invalid", "flags are letters and digits")
    if not _SERVICES.fullmatch(services):
        fields.refuse("naptr_invalid", "services are letters, digits, and + - : . _ between them")
    if regexp and replacement != NO_SUCH:
        fields.refuse("naptr_invalid", "there is a regular expression or a replacement, not both")
    if regexp:
        _check_regexp(fields, regexp)
    return f"{order} {preference} {written(flags, services, regexp)} {replacement}"


def _check_regexp(fields: Fields, regexp: bytes) -> None:
    """RFC 3402 3.2: a delimiter, an expression, a delimiter, a replacement, a delimiter, and perhaps i."""
    delimiter = regexp[:1]
    if b"\0" in regexp:
        fields.refuse("naptr_invalid", "a regular expression has no NUL")
    if delimiter.isdigit() or delimiter in (b"i", b"\\"):
        fields.refuse("naptr_invalid", "the delimiter is no digit, no i and no backslash")
    parts = _parts(regexp[1:], delimiter)
    if len(parts) != 3 or not parts[0] or parts[2] not in (b"", b"i"):
        fields.refuse(
            "naptr_invalid", "a regular expression is !expression!replacement! with one character for !"
        )
    try:
        groups = count_groups(parts[0])
    except InvalidExpression as error:
        message = f"{quoted(parts[0].decode('latin-1'))} is no extended regular expression: {error}"
        fields.refuse("naptr_invalid", message)
    used = [int(found) for found in _ESCAPED.findall(parts[1]) if found.isdigit()]
    if used and not 0 < min(used) <= max(used) <= groups:
        fields.refuse("naptr_invalid", f"the replacement uses a group of the expression, which has {groups}")
    if len(_ESCAPED.sub(b"", parts[1]).split(b"\\")) > 1:
        fields.refuse("naptr_invalid", "a backslash ends the replacement")


def _parts(text: bytes, delimiter: bytes) -> list[bytes]:
    """Split at the delimiters that no backslash escapes."""
    parts = [b""]
    for piece in re.findall(rb"\\.|[^\\]|\\", text, re.DOTALL):
        if piece == delimiter:
            parts.append(b"")
        else:
            parts[-1] += piece
    return parts

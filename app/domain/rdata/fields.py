"""The fields of a value as a zone file writes them (RFC 1035 5.1), read one after the other.

Blanks and quotes separate fields; a line may be broken within parentheses. A comment is refused: nobody would
see it go.
"""

import base64
import re
from collections.abc import Mapping
from typing import NoReturn

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.strings import MAX_STRING, octets_of
from app.domain.rdata.targets import read_any_name, read_host

_NO_NAMES: Mapping[str, int] = {}
_STRING = r'"(?:[^"\\]|\\.)*+"'
_FIELD = rf'{_STRING}(?=")|(?:[^\s\"\\;()]|\\.|{_STRING})++'
_TOKEN = re.compile(rf"([ \t\r\n]*+)(?:([()])|({_FIELD}))", re.DOTALL)
_LINE_BREAK = re.compile(r"[\r\n]")
_IS_STRING = re.compile(_STRING, re.DOTALL)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{2,}={0,2}")
_MAX_DIGITS = 10  # of a 32-bit number


class Fields:
    """The fields of one value. `form` is a value that would be accepted: every error shows it."""

    def __init__(self, target: str, form: str) -> None:
        self._form = form
        self._fields = self._split(target)
        self._fields.reverse()

    def _split(self, target: str) -> list[str]:
        text = target.strip(" \t\r\n")
        found: list[str] = []
        depth = place = 0
        while place < len(text) and depth in (0, 1):
            token = _TOKEN.match(text, place)
            if token is None or (not depth and _LINE_BREAK.search(token[1])):
                self._refuse_rest(text[place:])
            depth += {"(": 1, ")": -1}.get(token[2], 0)
            found += [token[3]] if token[3] else []
            place = token.end()
        if depth:
            self.refuse("rdata_invalid", "the parentheses do not match")
        return found

    def _refuse_rest(self, rest: str) -> NoReturn:
        if rest.lstrip().startswith(";"):
            self.refuse(
                "rdata_invalid", "a semicolon begins a comment, which would be lost: put it in quotes"
            )
        if _LINE_BREAK.search(rest[: len(rest) - len(rest.lstrip())]):
            self.refuse(
                "rdata_invalid", "a line may be broken within parentheses only: one value is one line"
            )
        self.refuse("rdata_invalid", f"{quoted(rest)} can't be read: a quote or a backslash stands alone")

    def refuse(self, code: str, message: str) -> NoReturn:
        """Raise the error, with the form that would be accepted."""
        raise InvalidRdata(code, f"{message}; such as {self._form}")

    @property
    def left(self) -> int:
        """How many fields are left to read."""
        return len(self._fields)

    def peek(self) -> str:
        """Return the next field and leave it; nothing where there is none."""
        return self._fields[-1] if self._fields else ""

    def raw(self, what: str) -> str:
        """Return the next field as it is written."""
        if not self._fields:
            self.refuse("rdata_invalid", f"the {what} is missing")
        return self._fields.pop()

    def word(self, what: str) -> str:
        """Return the next field as it is written, without quotes around it."""
        field = self.raw(what)
        return field[1:-1] if _IS_STRING.fullmatch(field) and "\\" not in field else field

    def number(self, what: str, most: int, names: Mapping[str, int] = _NO_NAMES) -> int:
        """Return a number from 0 to `most`, which may be written by one of `names` (in upper case)."""
        word = self.word(what)
        if word.upper() in names:
            return names[word.upper()]
        if not (word.isascii() and word.isdecimal() and len(word) <= _MAX_DIGITS and int(word) <= most):
            message = f"the {what} must be a whole number from 0 to {most}, not {quoted(word)}"
            self.refuse("number_invalid", message)
        return int(word)

    def host(self, what: str) -> str:
        """Return the name of a host."""
        return read_host(self.word(what))

    def name(self, what: str) -> str:
        """Return any domain name; the root is one."""
        return read_any_name(self.word(what))

    def string(self, what: str, most: int = MAX_STRING) -> bytes:
        """Return the octets of a <character-string>, with or without quotes (RFC 1035 3.3)."""
        field = self.raw(what)
        if _IS_STRING.fullmatch(field):
            return octets_of(field[1:-1], most)
        if '"' in field:
            self.refuse("rdata_invalid", f"the {what} has a quote in the middle: {quoted(field)}")
        return octets_of(field, most)

    def hexadecimal(self, what: str) -> bytes:
        """Return the octets of all that is left, which may have blanks within."""
        text = self._rest(what)
        if not _HEX.fullmatch(text):
            self.refuse(
                "hex_invalid", f"the {what} must be pairs of hexadecimal digits, which {quoted(text)} is not"
            )
        return bytes.fromhex(text)

    def base64(self, what: str) -> bytes:
        """Return the octets of all that is left, which may have blanks within (RFC 4648 4)."""
        text = self._rest(what)
        if len(text) % 4 or not _BASE64.fullmatch(text):
            self.refuse("base64_invalid", f"the {what} must be base64, which {quoted(text)} is not")
        return base64.b64decode(text)

    def _rest(self, what: str) -> str:
        return self.word(what) + "".join(self.words())

    def raws(self) -> list[str]:
        """Return all that are left as they are written."""
        return [self.raw("field") for _ in range(self.left)]

    def words(self) -> list[str]:
        """Return all that are left, without quotes around them."""
        return [self.word("field") for _ in range(self.left)]

    def end(self) -> None:
        """Refuse what is left."""
        if self._fields:
            self.refuse("rdata_invalid", f"{quoted(self._fields[-1])} is one field too many")


def in_base64(octets: bytes) -> str:
    """Return the octets in base64, without blanks."""
    return base64.b64encode(octets).decode()

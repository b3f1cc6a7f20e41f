"""Values of numbers and a name, such as MX and SRV: the numbers may be given apart from the target."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NO_SUCH, NOTHING_GIVEN, Given, Reader
from app.domain.rdata.targets import read_host
from app.domain.values import ANY_NUMBER

DEFAULT_PREFERENCE = 10

_BLANKS = re.compile(r"[ \t]+")  # between the fields, RFC 1035 5.1
_BRACKETED = re.compile(r"^(?:[0-9]+)?\(|[ \t]\(")  # a URI may have parentheses within
_DIGITS = re.compile(r"[0-9]{1,5}")


class Number(NamedTuple):
    """A 16-bit number in front: `priority` of the request, or a field of that name in `extra_config`."""

    name: str
    default: int | None  # None where it must be given

    def read(self, value: object) -> int:
        """Return the number that is given as one, or as its digits. Raises InvalidRdata."""
        number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
        if type(number) is int and 0 <= number <= 0xFFFF:
            return number
        raise self.error(f"the {self.name} must be a whole number from 0 to 65535, such as 10")

    def error(self, message: str) -> InvalidRdata:
        """Return the error that this number is wrong."""
        name = self.name
        return InvalidRdata(f"{name}_invalid", message)

    def given(self, given: Given) -> object:
        """Return what the request says of it; None where it says nothing."""
        return given.priority if self.name == "priority" else given.extra.get(self.name)


PREFERENCE = (Number("priority", DEFAULT_PREFERENCE),)
_SRV = (Number("priority", 0), Number("weight", 0), Number("port", None))


def numbered(numbers: Sequence[Number], read_rest: Callable[[str], str], example: str) -> Reader:
    """Return the reader of values such as `example`: the numbers and one more field, or that field alone."""

    def read(target: str, given: Given = NOTHING_GIVEN) -> str:
        is_plain = "(" not in target and target == target.strip()
        fields = _BLANKS.split(target) if is_plain else _split(target, len(numbers) + 1, example)
        if len(fields) not in (1, len(numbers) + 1):
            raise InvalidRdata("rdata_invalid", f"{quoted(target)} is not of the form {example}")
        found = list(_read_numbers(numbers, fields[:-1], given, has_rest=fields[-1] != NO_SUCH))
        return " ".join([*map(str, found), read_rest(fields[-1])])

    return read


def _split(target: str, most: int, example: str) -> list[str]:
    """Return the fields of a value that has blanks, line ends or parentheses around it."""
    bare = target.strip(" \t\r\n")
    fields = Fields(bare, example).raws() if _BRACKETED.search(bare) else _BLANKS.split(bare)
    alone = len(fields) == 1 and not fields[0].isdecimal() and fields[0]
    return fields if alone or len(fields) == most else _BLANKS.split(target)


def _read_numbers(
    numbers: Sequence[Number], written: Sequence[str], given: Given, *, has_rest: bool
) -> Iterator[int | str]:
    for place, number in enumerate(numbers):
        found = read_number(number, written[place] if written else None, number.given(given))
        if found is not None:
            yield found
        elif given.pattern and has_rest:
            yield ANY_NUMBER
        else:
            yield _default(number, has_rest=has_rest)


def read_number(number: Number, written: str | None, told: object) -> int | None:
    """Return a number that the target says, the request beside it, or both alike; None where none does."""
    found = None if written is None else number.read(written)
    if told is None:
        return found
    if found is not None and number.read(told) != found:
        raise number.error(f"the target says {found}, the configuration says {number.read(told)}")
    return number.read(told)


def _default(number: Number, *, has_rest: bool) -> int:
    if not has_rest:
        return 0
    if number.default is None:
        raise InvalidRdata(
            "port_missing", "an SRV record needs a port: extra_config.port, or 0 0 5060 sip.example.test"
        )
    return number.default


def read_host_or_none(target: str) -> str:
    """Return the name of a host, or the root: there is none."""
    return NO_SUCH if target == NO_SUCH else read_host(target)


_read_mx = numbered(PREFERENCE, read_host_or_none, "10 mail.example.test")
read_kx = numbered(PREFERENCE, read_host, "10 kx.example.test")
read_srv = numbered(_SRV, read_host_or_none, "10 5 5060 sip.example.test")
"""RFC 2782. The root as the host says that there is no such service."""


def read_mx(target: str, given: Given = NOTHING_GIVEN) -> str:
    """RFC 1035 3.3.9. A preference of 0 and the root say that there is no mail (RFC 7505)."""
    value = _read_mx(target, given)
    if value.endswith(f" {NO_SUCH}") and value != f"0 {NO_SUCH}":
        raise InvalidRdata("priority_invalid", "a null MX has the preference 0 (RFC 7505 3): write 0 .")
    return value

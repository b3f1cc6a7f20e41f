"""What pydantic finds against a body, in words for somebody who writes JSON and does not know its classes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, get_args

from pydantic import BaseModel

from app.schemas.request import ACCOUNT, BACKEND, LINE, PROSE, SOURCE, STATE, Envelope, Submission

_ENUM_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")
_OBJECT_EXPECTED = frozenset({"model_type", "model_attributes_type", "dict_type"})


_PATTERNS = {
    ACCOUNT: "Input should have no blanks around it, and no characters that nobody sees",
    BACKEND: "Input should be 1 to 63 letters, digits, and _ . - (the first is none of . -)",
    LINE: "Input should be one line, without control characters",
    PROSE: "Input should be text without control characters, but for tabs and ends of lines",
    SOURCE: "Input should be 1 to 64 letters, digits, and . _ -",
    STATE: "Input should be the `state` that the review shows: 64 digits, 0 to 9 and a to f",
}
_MISMATCHES = {f"String should match pattern '{pattern}'": said for pattern, said in _PATTERNS.items()}


def words(code: str, message: str, loc: Sequence[str | int], model: type[BaseModel] | None) -> str:
    """Return pydantic's message against what stands at `loc` of a body of this shape, in plain words."""
    if code in _OBJECT_EXPECTED:
        return "Input should be a JSON object"
    if code == "extra_forbidden" and model is not None and loc:
        return unknown_field(model, loc)
    if code == "timezone_aware":
        return "Input should have a time zone, as in 2026-12-01T02:00:00+01:00 or 2026-12-01T01:00:00Z"
    if code == "string_pattern_mismatch":
        return _MISMATCHES.get(message, message)
    if code == "ip_any_network":
        return "Input should be a network, such as 10.1.0.0/16: only zeros behind its prefix"
    if code == "enum" and {"record_type", "allowed_types"} & set(loc):
        return f"{message}, or TYPE and a number (RFC 3597), such as TYPE65280, where the zone allows it"
    return _ENUM_MEMBER.sub(r"\1", message)


def unknown_field(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """Return words against the field at `loc`, which the shape does not have: what it has, and where."""
    fields = _fields(model, tuple(map(str, loc[:-1])))
    elsewhere = fields.below.get(str(loc[-1]))
    hint = f", but {elsewhere}" if elsewhere else ""
    return f"there is no such field here{hint}; the fields are {fields.names}"


class _Fields(NamedTuple):
    names: str
    below: Mapping[str, str]  # where fields of the parts within are, by name


@cache
def _fields(model: type[BaseModel], path: tuple[str, ...]) -> _Fields:
    part = model
    for name in path:
        part = _parts(part).get(name, part)
    names = ", ".join(part.model_fields)
    if part is Submission:
        names += f" (and {', '.join(Envelope.model_fields)} in a batch)"
    return _Fields(names, dict(_below(part, "")))


def _below(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, part in _parts(model).items():
        yield from ((field, f"{prefix}{name}.{field}") for field in part.model_fields)
        yield from _below(part, f"{prefix}{name}.")


def _parts(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found[name] = kind
    return found

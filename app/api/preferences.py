"""What a client prefers: a form (`Accept`, RFC 9110 12.5.1), or to wait (`Prefer`, RFC 7240)."""

import re
from collections.abc import Iterable, Iterator, Sequence

from starlette.types import Scope

MAX_WAIT = 60  # seconds
_MAX_RANGES = 100  # of one call that are looked at
_MAX_PREFER = 1_000  # characters that are looked at
_PREFERENCES = re.compile(r'(?:[^",]|"[^"]*")+')  # a comma in quotes is a part of one
_WAIT = re.compile(r'\s*wait\s*=\s*("?)0*(?P<seconds>[1-9][0-9]*)\1\s*(;.*)?', re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"\s*wait\s*(?![^\s=;])", re.IGNORECASE)


def preferred(accept: Iterable[str], offered: Sequence[str]) -> str:
    """Return the media type that suits best; the first one where several do, or none.

    Of the ranges that fit a type the most specific one counts, with its weight.
    """
    ranges = list(_ranges(",".join(accept)))[:_MAX_RANGES]
    weights = {media_type: _weight(media_type, ranges) for media_type in offered}
    return max(offered, key=lambda media_type: weights[media_type])


def preferred_wait(scope: Scope) -> int | None:
    """Return the seconds, 1 to MAX_WAIT, for which the client would wait for a final answer.

    None: it does not say so. What can't be read is passed over (RFC 7240, section 2), and so is no time.
    """
    given = [value for name, value in scope["headers"] if name == b"prefer"]
    if not given:
        return None
    text = b",".join(given)[:_MAX_PREFER].decode("latin-1")
    first = next((each for each in _PREFERENCES.findall(text) if _NAME.match(each)), "")  # only that counts
    found = _WAIT.fullmatch(first)
    return min(int(found["seconds"][:9]), MAX_WAIT) if found else None


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(",", _MAX_RANGES)[:_MAX_RANGES]:
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        yield media_range, _quality(parameters)


def _quality(parameters: Iterable[str]) -> float:
    """Return the weight that the parameters give, from 0 to 1; 1 where none can be read."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(0.0, float(value)), 1.0)  # "nan" is 0
            except ValueError:
                return 1.0
    return 1.0


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    for fitting in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        found = [quality for media_range, quality in ranges if media_range == fitting]
        if found:
            return max(found)
    return 0.0

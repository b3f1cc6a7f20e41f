"""Which of several forms of an answer a client prefers: the header `Accept` (RFC 9110 12.5.1)."""

from collections.abc import Iterable, Iterator, Sequence

_MAX_RANGES = 100  # of one call that are looked at


def preferred(accept: Iterable[str], offered: Sequence[str]) -> str:
    """Return the media type that suits best; the first one where several do, or none.

    Of the ranges that fit a type the most specific one counts, with its weight.
    """
    ranges = list(_ranges(",".join(accept)))[:_MAX_RANGES]
    weights = {media_type: _weight(media_type, ranges) for media_type in offered}
    return max(offered, key=lambda media_type: weights[media_type])


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

"""Patterns of owner names in a zone: `@`, `www`, `*.prod`, `_acme-challenge.**`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from app.domain.errors import InvalidName, quoted
from app.domain.escapes import WRITTEN, unescaped
from app.domain.names import normalize
from app.domain.zone_key import dns_name

APEX = "@"
ONE, ANY_NUMBER = "*", "**"
_ANY_ZONE = "x.arpa"  # where labels of RFC 2317 are allowed as well as all others
_DOT = "."


def read_pattern(pattern: str) -> str:
    """Return the pattern in canonical form. Raises InvalidName.

    A pattern is `@`, the apex, or labels relative to the zone: `*` stands for one label, that of a wildcard
    included, `**`, which a pattern has once at most, for any number of labels, also for none. Every other
    label stands for itself, and is written as in an owner name.
    """
    if pattern == APEX:
        return pattern
    if pattern.endswith(_DOT):
        message = f"{quoted(pattern)} ends with a dot: patterns are relative to the zone, such as *.prod"
        raise InvalidName("pattern_invalid", message)
    if WRITTEN.sub("", pattern).strip(_DOT):
        message = f"{quoted(pattern)}: a backslash stands before a character or three digits"
        raise InvalidName("pattern_invalid", message)
    escaped = WRITTEN.sub(unescaped, pattern) if "\\" in pattern else pattern  # no dot within a label
    labels = escaped.split(_DOT)
    if labels.count(ANY_NUMBER) > 1:
        raise InvalidName("pattern_invalid", f"{quoted(pattern)} has ** twice: once is allowed")
    return _DOT.join(label if label in (ONE, ANY_NUMBER) else _label(label, pattern) for label in labels)


def _label(label: str, pattern: str) -> str:
    if ONE in label:
        message = f"{quoted(pattern)}: an asterisk stands for a whole label, and ** for any number of them"
        raise InvalidName("pattern_invalid", message)
    try:
        return normalize(f"{label}.{_ANY_ZONE}").removesuffix(f".{_ANY_ZONE}")
    except InvalidName as error:
        raise InvalidName("pattern_invalid", f"{quoted(pattern)}: {error}") from error


class NamePatterns:
    """Canonical patterns, and which of them a name matches.

    Patterns with asterisks are found by one label that they ask for, and its place: a thousand cost as little
    as one, as long as they differ in some label.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns: Sequence[str] = tuple(dict.fromkeys(patterns))
        self._names = frozenset(pattern for pattern in self.patterns if ONE not in pattern)
        read = [_read(text) for text in self.patterns if ONE in text]
        frequency = Counter(place for pattern in read for place in _places_of(pattern))
        self._by_label: dict[_Place | None, list[_Pattern]] = {}
        for pattern in read:
            place = min(_places_of(pattern), key=frequency.__getitem__, default=None)
            self._by_label.setdefault(place, []).append(pattern)

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def pattern_of(self, name: str, zone: str) -> str | None:
        """Return a pattern that the normalized `name` in `zone` matches; None where there is none."""
        return next(self.matching(relative_name(name, zone)), None)

    def matching(self, relative: str) -> Iterator[str]:
        """Yield each pattern that the name, relative to its zone (see `relative_name`), matches."""
        if relative in self._names:
            yield relative
        if not self._by_label:
            return
        labels = [] if relative == APEX else relative.split(_DOT)
        for place in _places(labels):
            for each in self._by_label.get(place, ()):
                if each.matches(labels):
                    yield each.text


def matches_below(pattern: str, relative: str) -> bool:
    """Return whether some name below that one, relative to its zone, matches the canonical pattern."""
    if pattern == APEX:
        return False
    labels = [] if relative == APEX else relative.split(_DOT)
    read = _read(pattern)
    if read.tail is None:
        return len(read.head) > len(labels) and _are_alike(read.head[::-1], labels[::-1])
    return _are_alike(read.tail[::-1], labels[::-1])  # the rest stands where the asterisks are, or before


def matches_all_below(pattern: str, relative: str) -> bool:
    """Return whether every name below that one matches the canonical pattern."""
    labels = [] if relative == APEX else relative.split(_DOT)
    read = _read(pattern)
    is_open = read.tail is not None and not read.head and len(read.tail) <= len(labels)
    return is_open and matches_below(pattern, relative)


def relative_name(name: str, zone: str) -> str:
    """Return the normalized `name` relative to the zone of that key, in which it lies; `@` for the apex."""
    apex = dns_name(zone)
    return APEX if name == apex else name.removesuffix(f".{apex}")


def why_not_relative(pattern: str, zone: str) -> InvalidName | None:
    """Return what is wrong with a pattern that repeats the name of its zone; None where it does not."""
    name = dns_name(zone)
    if "." not in name or (pattern != name and not pattern.endswith(f".{name}")):
        return None
    relative = pattern.removesuffix(name).removesuffix(_DOT) or APEX
    return InvalidName(
        "pattern_invalid", f"patterns are relative to the zone: write {relative}, not {pattern}"
    )


_Place = tuple[int, str]  # a label and its index: from the end where it is negative


class _Pattern(NamedTuple):
    text: str
    head: Sequence[str]
    tail: Sequence[str] | None  # behind `**`; None: there is none

    def matches(self, labels: Sequence[str]) -> bool:
        if self.tail is None:
            return len(labels) == len(self.head) and _are_alike(self.head, labels)
        if len(labels) < len(self.head) + len(self.tail):
            return False
        return _are_alike(self.head, labels) and _are_alike(self.tail[::-1], labels[::-1])


def _are_alike(pattern: Sequence[str], labels: Sequence[str]) -> bool:
    """Whether each label is the pattern's, as far as the shorter of them goes."""
    return all(part in (ONE, label) for part, label in zip(pattern, labels, strict=False))


def _read(pattern: str) -> _Pattern:
    labels = pattern.split(_DOT)
    if ANY_NUMBER not in labels:
        return _Pattern(pattern, labels, None)
    place = labels.index(ANY_NUMBER)
    return _Pattern(pattern, labels[:place], labels[place + 1 :])


def _places_of(pattern: _Pattern) -> Sequence[_Place]:
    """Return the labels that the pattern asks for, and where; none where it has asterisks only."""
    tail = pattern.tail or ()
    places = (*enumerate(pattern.head), *((index - len(tail), label) for index, label in enumerate(tail)))
    return [place for place in places if place[1] != ONE]


def _places(labels: Sequence[str]) -> Iterator[_Place | None]:
    """Yield the places at which patterns are to be looked for."""
    yield None
    for index, label in enumerate(labels):
        yield index, label
        yield index - len(labels), label

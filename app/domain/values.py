"""Values of RRsets, compared by what they mean: one text can be written in many ways.

A TXT record's text is what its strings hold together (RFC 7208 3.3, RFC 6376 3.6.2.2), however it is split;
the strings of other types are fields. So each comparison is told the type of the RRset.
In a deletion `*` stands for any number: "* mail.example.test." is that host's MX record of any preference.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

ANY_NUMBER = "*"

_BETWEEN_STRINGS = '" "'  # within a string a quote follows a backslash
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def is_pattern(value: str) -> bool:
    """Whether the value stands for several, as `* mail.example.test.` does."""
    return value.startswith("* ") or " * " in value.partition('"')[0]


def meaning(record_type: str, value: str) -> str:
    """Return the one spelling of all canonical values that mean the same."""
    return _joined(value) if record_type == "TXT" and _BETWEEN_STRINGS in value else value


def _all_meanings(record_type: str, values: Iterable[str]) -> set[str]:
    return {meaning(record_type, value) for value in values} if record_type == "TXT" else set(values)


def matching(record_type: str, values: Collection[str], asked: Collection[str]) -> frozenset[str]:
    """Return those of `values` that mean the same as one of `asked`, or fit a pattern among them."""
    meanings = _all_meanings(record_type, asked)
    patterns = [value.split(" ") for value in asked if is_pattern(value)]
    return frozenset(
        value
        for value in values
        if meaning(record_type, value) in meanings or (patterns and _fits(value, patterns))
    )


def any_matching(record_type: str, values: frozenset[str], asked: Collection[str]) -> bool:
    """Whether `matching` would return any: soon known where the same `values` are asked about often."""
    known = _meanings(record_type, values)
    patterns = [value for value in asked if is_pattern(value)]
    return any(meaning(record_type, value) in known for value in asked) or bool(
        patterns and matching(record_type, values, patterns)
    )


@lru_cache(maxsize=16)
def _meanings(record_type: str, values: frozenset[str]) -> frozenset[str]:
    return frozenset(_all_meanings(record_type, values))


def without(record_type: str, values: Collection[str], removed: Collection[str]) -> frozenset[str]:
    """Return `values` without those that mean the same as one of `removed`, or fit a pattern among them."""
    return frozenset(values) - matching(record_type, values, removed)


def union(record_type: str, values: Collection[str], added: Iterable[str]) -> frozenset[str]:
    """Return `values` with those of `added` that mean something new."""
    meanings = _all_meanings(record_type, values)
    return frozenset(values) | {value for value in added if meaning(record_type, value) not in meanings}


def same(record_type: str, values: Collection[str], others: Collection[str]) -> bool:
    """Whether both mean the same."""
    return _all_meanings(record_type, values) == _all_meanings(record_type, others)


def _fits(value: str, patterns: Iterable[list[str]]) -> bool:
    fields = value.split(" ")
    return any(
        len(pattern) == len(fields)
        and all(wanted in (ANY_NUMBER, field) for wanted, field in zip(pattern, fields, strict=True))
        for pattern in patterns
    )


@lru_cache(maxsize=1024)
def _joined(value: str) -> str:
    return '"' + "".join(_STRING.findall(value)) + '"'

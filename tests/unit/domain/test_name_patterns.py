"""Patterns of names: what they match, and what is none."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidName
from app.domain.name_patterns import NamePatterns, read_pattern

ZONE = "example.test"
LABEL = st.sampled_from(["a", "b", "*", "_x", "www"])
PART = st.sampled_from(["a", "b", "*", "_x", "www"])
PATTERN = st.builds(
    lambda head, tail: ".".join([*head, *(["**", *tail] if tail is not None else [])]) or "@",
    st.lists(PART, max_size=3),
    st.none() | st.lists(PART, max_size=3),
)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("@", ["@"], ["www", "*"]),
        ("www", ["www"], ["@", "a.www", "www.a", "xwww"]),
        ("*", ["www", "*", "_x"], ["@", "a.b"]),
        ("*.prod", ["a.prod", "*.prod"], ["prod", "a.b.prod", "a.prod.b"]),
        ("a.*.b", ["a.x.b"], ["a.b", "a.x.y.b"]),
        ("**", ["@", "www", "a.b.c"], []),
        ("**.prod", ["prod", "a.prod", "a.b.prod"], ["@", "prod.a", "xprod"]),
        ("*.**.prod", ["a.prod", "a.b.prod"], ["prod"]),
        (
            "_acme-challenge.**",
            ["_acme-challenge", "_acme-challenge.www", "_acme-challenge.a.b"],
            ["@", "www"],
        ),
        ("a.**.b", ["a.b", "a.x.b", "a.x.y.b"], ["a", "b", "a.b.x"]),
        ("a.**.a", ["a.a", "a.x.a"], ["a"]),
        ("Müller", ["xn--mller-kva"], ["müller"]),
        ("WWW", ["www"], []),
        (r"john\.doe", [r"john\046doe"], ["john.doe", "john"]),
        (r"my\032printer._ipp._tcp", [r"my\032printer._ipp._tcp"], ["_ipp._tcp"]),
        ("0/25", ["0/25"], []),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    protected = NamePatterns([read_pattern(pattern)])
    found = [each for each in [*matching, *others] if protected.pattern_of(full(each), ZONE)]
    assert found == matching


def full(relative: str) -> str:
    return ZONE if relative == "@" else f"{relative}.{ZONE}"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ".",
        "a..b",
        "a.",
        "a*",
        "*a",
        "***",
        "**.a.**",
        "@.a",
        "a b",
        "a\n",
        "a.@",
        "x" * 64,
        "\\",
        "\\001",
        "é\\.a",
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(InvalidName):
        read_pattern(pattern)


@given(st.text(max_size=60))
def test_a_pattern_is_read_or_refused(text: str) -> None:
    """And its canonical form is read as itself."""
    try:
        canonical = read_pattern(text)
    except InvalidName:
        return
    assert read_pattern(canonical) == canonical
    assert NamePatterns([canonical]).patterns == (canonical,)


@given(
    st.lists(PART, max_size=4),
    st.none() | st.lists(PART, max_size=4),
    st.lists(LABEL, max_size=7),
)
def test_a_pattern_is_what_a_regular_expression_says(
    head: list[str], tail: list[str] | None, labels: list[str]
) -> None:
    parts = [*head, *(["**", *tail] if tail is not None else [])]
    pattern = ".".join(parts) or "@"
    written = {"**": r"(?:[^.]+\.)*", "*": r"[^.]+\."}
    words = [written.get(part, re.escape(f"{part}.")) for part in parts]
    expected = re.fullmatch("".join(words), "".join(f"{label}." for label in labels)) is not None
    name = full(".".join(labels) or "@")
    assert (NamePatterns([read_pattern(pattern)]).pattern_of(name, ZONE) is not None) == expected


@given(st.lists(PATTERN, min_size=1, max_size=6), st.lists(LABEL, max_size=5))
def test_a_name_matches_one_of_many_as_it_matches_each_by_itself(
    patterns: list[str], labels: list[str]
) -> None:
    name = full(".".join(labels) or "@")
    matched = [each for each in patterns if NamePatterns([each]).pattern_of(name, ZONE)]
    found = NamePatterns(patterns).pattern_of(name, ZONE)
    assert found in matched if matched else found is None


@pytest.mark.parametrize("form", ["n{}", "n{}.**", "*.n{}", "**.n{}", "n{}.*.**.x", "*.**.n{}"])
def test_many_patterns_are_as_fast_as_one(form: str) -> None:
    def seconds(number: int) -> float:
        protected = NamePatterns(read_pattern(form.format(index)) for index in range(number))
        started = time.perf_counter()
        for _ in range(300):
            assert protected.pattern_of(f"www.prod.{ZONE}", ZONE) is None
        return time.perf_counter() - started

    assert min(seconds(100) for _ in range(5)) < 5 * min(seconds(1) for _ in range(5))

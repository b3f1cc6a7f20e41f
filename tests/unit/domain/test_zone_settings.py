"""The settings of a zone: defaults, merge patches, contradictions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.checks import Checks
from app.domain.zone_settings import MAX_TTL, PLAIN, Threshold, contradictions, effective, merge

ZONE = "example.test"
VALUE = st.none() | st.integers(0, 3)
JSON = st.dictionaries(st.sampled_from("abc"), VALUE | st.dictionaries(st.sampled_from("xy"), VALUE))


def test_what_is_not_set_has_its_default() -> None:
    assert effective(Checks.WARN, {}) is PLAIN[Checks.WARN]
    assert effective(Checks.OFF, {"unknown_to_this_release": 1, "min_ttl": None}) is PLAIN[Checks.OFF]
    plain = PLAIN[Checks.WARN]
    assert (plain.default_ttl, plain.min_ttl, plain.max_ttl, plain.restricts) == (300, 0, MAX_TTL, False)
    assert PLAIN[Checks.OFF].chosen == ("checks",)


@pytest.mark.parametrize(
    ("chosen", "ttl"),
    [
        ({"min_ttl": 600}, 600),
        ({"max_ttl": 60}, 60),
        ({"max_ttl": 0}, 0),
        ({"min_ttl": 60}, 300),
        ({"default_ttl": 5}, 5),
        ({"default_ttl": 0}, 0),
    ],
)
def test_the_default_ttl_is_within_the_bounds(chosen: dict[str, Any], ttl: int) -> None:
    settings = effective(Checks.WARN, chosen)
    assert (settings.default_ttl, settings.chosen) == (ttl, tuple(chosen))


def test_only_what_is_judged_for_each_change_restricts() -> None:
    for chosen in ({"default_ttl": 5}, {"max_deletes": {"number": 5}}, {"max_changes": {"percent": 5}}):
        settings = effective(Checks.WARN, chosen)
        assert not settings.restricts
        assert settings.has_thresholds == ("default_ttl" not in chosen)
    assert effective(Checks.WARN, {"max_deletes": {"percent": 5}}).max_deletes == Threshold(None, 5)
    assert effective(Checks.WARN, {"max_ttl": 0}).restricts


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, []),
        ({"min_ttl": 60, "max_ttl": 60, "default_ttl": 60}, []),
        ({"min_ttl": 61, "max_ttl": 60, "default_ttl": 1}, ["bounds_reversed"]),
        ({"min_ttl": 61, "default_ttl": 60}, ["ttl_not_allowed"]),
        ({"max_ttl": 59, "default_ttl": 60}, ["ttl_not_allowed"]),
        ({"protected_names": ["www", ZONE, f"*.{ZONE}", f"x{ZONE}"]}, ["pattern_invalid"] * 2),
        (
            {"max_ttl": 59, "default_ttl": 60, "protected_names": [ZONE]},
            ["ttl_not_allowed", "pattern_invalid"],
        ),
    ],
)
def test_contradictions(chosen: dict[str, Any], expected: list[str]) -> None:
    assert [reason.code for reason in contradictions(ZONE, chosen)] == expected


def test_in_a_zone_of_one_label_its_name_is_a_label_as_any_other() -> None:
    assert contradictions("prod", {"protected_names": ["*.prod"]}) == []


@given(JSON, JSON)
def test_a_patch_wins_and_null_removes(stored: dict[str, Any], patch: dict[str, Any]) -> None:
    before = merge({}, stored)
    merged = merge(before, patch)
    assert None not in merged.values()
    for name, value in patch.items():
        if isinstance(value, dict):
            there = before.get(name) if isinstance(before.get(name), dict) else {}
            both = {**(there or {}), **value}
            assert merged.get(name, {}) == {key: each for key, each in both.items() if each is not None}
        else:
            assert merged.get(name) == value
    assert {name: merged.get(name) for name in before if name not in patch} == {
        name: value for name, value in before.items() if name not in patch
    }
    assert merge(merged, {}) == merged

"""Hypothesis tries the same inputs each time."""

from tests.support.fuzzing import load_profile

load_profile("tests", same=True)

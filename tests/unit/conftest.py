"""Hypothesis tries the same examples each time, however slow the machine is."""

from hypothesis import HealthCheck, settings

from tests.support.thoroughly import examples

settings.register_profile(
    "tests",
    max_examples=examples(50),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")

"""Traces cost nothing where nobody has asked for them."""

import subprocess
import sys

import pytest

from app.core import tracing

LOADED = """
import sys
from app.main import app
from app.core import tracing
print(tracing.is_on(), any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


def test_opentelemetry_is_not_loaded_unless_an_endpoint_is_set() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", False),
        ("", False),
    ],
)
def test_what_a_traceparent_is(text: str, is_good: bool) -> None:
    """W3C Trace Context, 3.2.2."""
    assert (tracing.valid_traceparent(text) == text) is is_good

"""Traces cost nothing where nobody has asked for them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.core import tracing
from tests.support.forked import run_in_fork

LOADED = """
import sys
from app.main import app
from app.core import tracing
print(tracing.is_on(), any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


def test_opentelemetry_is_not_loaded_unless_an_endpoint_is_set(tmp_path: Path) -> None:
    assert run_in_fork(["-c", LOADED], {}, tmp_path).out.splitlines()[-1] == "False False"


STOPPED = """
from app.core import tracing
tracing.start("api")
with tracing.span("one"):
    pass
tracing.stop()
"""


def test_a_collector_that_does_not_answer_holds_up_no_end() -> None:
    """By the SDK's word, the process would wait for an hour."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
        command = [sys.executable, "-c", STOPPED]
        subprocess.run(command, env=os.environ | environment, check=True, timeout=120)


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

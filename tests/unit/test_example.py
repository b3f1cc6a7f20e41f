"""The examples that send messages and read events, without a broker."""

import os
import pty
import subprocess
import sys

import pytest

from stack.paths import ROOT

SEND = [sys.executable, str(ROOT / "examples" / "send.py")]


@pytest.mark.parametrize("name", ["send.py", "results.py"])
def test_it_explains_itself_and_does_not_wait_for_a_terminal(name: str) -> None:
    example = [sys.executable, str(ROOT / "examples" / name), "--help"]
    controller, terminal = pty.openpty()
    try:
        done = subprocess.run(example, stdin=terminal, capture_output=True, text=True, timeout=20)
    finally:
        os.close(controller)
        os.close(terminal)
    assert done.returncode == 0
    assert "KAFKA_BROKER_URL" in done.stdout


def test_lines_that_are_no_request_are_named_and_counted() -> None:
    lines = '{"resource": 1}\nno json\n'
    done = subprocess.run(SEND, input=lines, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert [line.partition(",")[0] for line in said] == ["line 1 is not sent", "line 2 is not sent"]
    assert '{"resource": {"domain": …}}' in said[0]
    assert "it is not JSON" in said[1]
    assert "0 sent to dns_requests" in done.stderr
    assert "2 not a request" in done.stderr


def test_a_broker_that_is_away_is_named_at_once_with_the_cause() -> None:
    environment = os.environ | {"KAFKA_BROKER_URL": "127.0.0.1:9"}
    line = '{"resource": {"domain": "www.example.test"}}\n'
    done = subprocess.run(SEND, env=environment, input=line, capture_output=True, text=True, timeout=40)
    assert done.returncode == 1
    cause, summary = done.stderr.splitlines()
    assert "Connection refused" in cause
    assert summary == "0 sent to dns_requests at 127.0.0.1:9, 1 not taken by the broker, 0 not a request"

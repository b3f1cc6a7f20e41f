"""Containers end with the tests, however these end, and nobody else sees what they mount."""

import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.images import STORE, Images
from tests.support.processes import processes_with

# It says so when the container runs. A second thread starts it, as in tests that have a network of their own.
RUN = """
import sys
from tests.support.images import BASES, Images
from tests.support.own_network import in_own_network

def run():
    with Images().run(BASES[1], ["sh", "-c", "echo runs; sleep " + sys.argv[1]]) as process:
        process.wait()

in_own_network(run)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_container_ends_with_the_process_that_runs_it(engine: Images, number: signal.Signals) -> None:
    duration = f"{secrets.randbelow(10**6) + 10**6}"
    # whoever runs the tests in the background may have SIGINT ignored
    command = ["env", "--default-signal=INT", sys.executable, "-c", RUN, duration]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "runs\n"
        assert str(STORE) not in Path("/proc/self/mountinfo").read_text()
        runner.send_signal(number)
        eventually(lambda: not processes_with(duration))
    assert str(STORE) not in Path("/proc/self/mountinfo").read_text()

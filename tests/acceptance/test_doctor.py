"""`doctor` on a stack in which all is well."""

import json
import os
import subprocess
import sys

from stack.embedded import Stack
from stack.paths import ROOT


def test_a_stack_that_works_is_well(stack: Stack) -> None:
    command = [sys.executable, "-m", "app.cli", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | stack.env, capture_output=True, text=True, timeout=60
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["well"], done.stderr) == (0, True, "")
    assert {each["state"] for each in found["findings"]} == {"ok"}
    assert {"PostgreSQL", "Redis", "worker", "Kafka", "API", "inventory", "backend bind"} <= {
        each["what"] for each in found["findings"]
    }

"""`doctor` on a stack in which all is well."""

import json
import os
import subprocess
import sys

from stack.embedded import Stack
from stack.paths import ROOT
from tests.acceptance.conftest import BY_UPDATE, ServedOn


def test_a_stack_that_works_is_well(stack: Stack, served_on: ServedOn) -> None:
    """A zone that its server transfers to nobody is well, too, with a warning; nothing else has any."""
    untransferred = served_on(BY_UPDATE).name
    command = [sys.executable, "-m", "app.cli", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | stack.env, capture_output=True, text=True, timeout=60
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["well"], done.stderr) == (0, True, "")
    warned = [each for each in found["findings"] if each["state"] != "ok"]
    assert {(each["what"], each["state"]) for each in warned} == {(f"backend {BY_UPDATE}", "warning")}, warned
    assert all(", transfer: " in each["words"] for each in warned)
    assert any(each["words"].startswith(f"{untransferred} at ") for each in warned)
    assert {"PostgreSQL", "Redis", "worker", "Kafka", "API", "inventory", "backend bind"} <= {
        each["what"] for each in found["findings"]
    }

"""`doctor` on a stack in which all is well."""

import json
from pathlib import Path

import pytest

from stack.embedded import Stack
from tests.acceptance.conftest import BY_UPDATE, ServedOn
from tests.support.forked import CLI, run_in_fork


@pytest.mark.thorough
def test_a_stack_that_works_is_well(stack: Stack, served_on: ServedOn, tmp_path: Path) -> None:
    """A zone that its server transfers to nobody is well, too, with a warning; nothing else has any."""
    untransferred = served_on(BY_UPDATE).name
    done = run_in_fork([*CLI, "doctor", "--json"], stack.env, tmp_path)
    found = json.loads(done.out)
    assert (done.status, found["well"], done.err) == (0, True, "")
    warned = [each for each in found["findings"] if each["state"] != "ok"]
    assert {(each["what"], each["state"]) for each in warned} == {(f"backend {BY_UPDATE}", "warning")}, warned
    assert all(", transfer: " in each["words"] for each in warned)
    assert any(each["words"].startswith(f"{untransferred} at ") for each in warned)
    assert {"PostgreSQL", "Redis", "worker", "Kafka", "API", "inventory", "backend bind"} <= {
        each["what"] for each in found["findings"]
    }

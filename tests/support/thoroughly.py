"""What `make test` leaves to `make test-thorough`: the same on other servers, or with other examples."""

import os
from typing import Any

import pytest

THOROUGH = os.environ.get("THOROUGH") == "true"
FUZZING = os.environ.get("FUZZ") == "true"


def thoroughly(*values: Any) -> Any:
    """Return a case that is thorough: `make test` leaves it out, since others show nearly the same."""
    return pytest.param(*values, marks=pytest.mark.thorough)


def examples(few: int) -> int:
    """Return how many examples Hypothesis makes: twenty times as many to be thorough, or to fuzz."""
    return few * 20 if THOROUGH or FUZZING else few

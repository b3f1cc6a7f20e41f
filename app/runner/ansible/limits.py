"""What a backend can bear, as the inventory says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.runner.ansible.inventory import InventoryError, host_variables


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one backend; None: there is none of its own."""

    max_runs: int | None = None  # host variable dns_max_runs: runs at the same time
    max_changes: int | None = None  # dns_max_changes: changes in one run
    run_timeout: float | None = None  # dns_run_timeout: seconds


def limits(inventory: Path, backend: str) -> Limits:
    """The limits of a backend. Raises UnknownBackend, InventoryError."""
    variables = host_variables(inventory, backend)
    seconds = _number(variables, "dns_run_timeout", backend)
    return Limits(
        max_runs=_whole(variables, "dns_max_runs", backend),
        max_changes=_whole(variables, "dns_max_changes", backend),
        run_timeout=seconds,
    )


def _whole(variables: Mapping[str, Any], name: str, backend: str) -> int | None:
    number = _number(variables, name, backend)
    return None if number is None else int(number)


def _number(variables: Mapping[str, Any], name: str, backend: str) -> float | None:
    value = variables.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise InventoryError(f"{backend}: {name} is {value!r}, but must be a number above 0")
    return value

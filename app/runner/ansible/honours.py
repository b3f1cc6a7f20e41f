"""Which conditions of changes a playbook honours: one that ignores them would make the changes anyway."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from app.core.config import SHIPPED_PLAYBOOK
from app.domain.change import Change, ChangeResult, Outcome
from app.domain.errors import InventoryError

CONDITIONS = frozenset({"expect", "group"})
_VARIABLE = "dns_honours"  # of the host


def honoured(variables: Mapping[str, Any], playbook: Path) -> frozenset[str]:
    """Return the conditions that the playbook honours on a host with these variables. Raises InventoryError.

    The shipped playbook honours all; of another one the inventory has to say so.
    """
    listed = variables.get(_VARIABLE)
    if listed is None:
        return CONDITIONS if playbook.absolute() == SHIPPED_PLAYBOOK else frozenset()
    if not isinstance(listed, list) or not all(
        isinstance(each, str) and each in CONDITIONS for each in listed
    ):
        raise InventoryError(f"{_VARIABLE} is not a list of {' and '.join(sorted(CONDITIONS))}")
    return frozenset(listed)


def not_to_be_sent(changes: Sequence[Change], honours: Collection[str]) -> dict[UUID, ChangeResult]:
    """Return the results of those changes that have a condition which is not honoured."""
    if CONDITIONS.issubset(honours):
        return {}
    return {
        change.request_id: ChangeResult(
            Outcome.FAILED,
            "not_honoured",
            f"not sent: the playbook is not known to honour {' and '.join(missing)} ({_VARIABLE})",
        )
        for change in changes
        if (missing := sorted(_conditions(change) - set(honours)))
    }


def _conditions(change: Change) -> set[str]:
    found = {"expect": change.expect, "group": change.group}
    return {name for name, value in found.items() if value is not None}

"""How far a request has come: the statuses, and which of them may follow which."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where a request is on its way."""

    PENDING = "pending"  # stored, waits for a worker
    RUNNING = "running"  # in a batch that an Ansible run applies
    VERIFYING = "verifying"  # applied; some authoritative server does not answer it yet
    SUCCEEDED = "succeeded"  # every authoritative server answers as asked
    FAILED = "failed"  # will not be tried again by itself; the error says why
    CANCELLED = "cancelled"  # taken back by its account before it ran


INITIAL = Status.PENDING

# Every change of status; one without successors is final. Cancelling is done by hand (docs/operations.md).
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.PENDING, Status.VERIFYING, Status.SUCCEEDED, Status.FAILED}),
    # Back to pending when the inventory has lost the backend: there is no server left to ask.
    Status.VERIFYING: frozenset({Status.PENDING, Status.VERIFYING, Status.SUCCEEDED, Status.FAILED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

OPEN = tuple(status for status, successors in TRANSITIONS.items() if successors)
FINAL = tuple(status for status, successors in TRANSITIONS.items() if not successors)


def predecessors(status: Status) -> frozenset[Status]:
    """Return the statuses that `status` may follow."""
    return frozenset(before for before, successors in TRANSITIONS.items() if status in successors)

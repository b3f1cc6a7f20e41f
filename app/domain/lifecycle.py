"""How far a request has come: the statuses, and which of them may follow which."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where a request is on its way."""

    AWAITING_APPROVAL = "awaiting_approval"  # stored, and not applied unless somebody approves it
    SCHEDULED = "scheduled"  # stored, waits for the time before which it must not be applied
    PENDING = "pending"  # stored, waits for a worker
    RUNNING = "running"  # in a batch that an Ansible run applies
    VERIFYING = "verifying"  # applied; some authoritative server does not answer it yet
    SUCCEEDED = "succeeded"  # every authoritative server answers as asked
    FAILED = "failed"  # will not be tried again by itself; the error says why
    CANCELLED = "cancelled"  # taken back before it ran, or before every server answered it
    REJECTED = "rejected"  # not approved, or not in time; the error says why


INITIAL = Status.PENDING  # of a request that need not wait for its time

# Every change of status. Workers claim and settle; approving, rejecting, cancelling and retrying are calls of
# the API. What is scheduled becomes pending when it is due, or fails where another account owns the RRset by
# then; what nobody has approved in time is rejected. What was open in a backup that is restored fails.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.AWAITING_APPROVAL: frozenset(
        {Status.PENDING, Status.SCHEDULED, Status.REJECTED, Status.CANCELLED, Status.FAILED}
    ),
    Status.SCHEDULED: frozenset({Status.PENDING, Status.FAILED, Status.CANCELLED}),
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED, Status.FAILED}),
    Status.RUNNING: frozenset({Status.PENDING, Status.VERIFYING, Status.SUCCEEDED, Status.FAILED}),
    # Back to pending when the inventory has lost the backend: there is no server left to ask.
    Status.VERIFYING: frozenset(
        {Status.PENDING, Status.VERIFYING, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}
    ),
    Status.SUCCEEDED: frozenset(),
    # Scheduled again while its time has not come, and reviewed while nobody has approved it: nothing is ever
    # applied before.
    Status.FAILED: frozenset({Status.PENDING, Status.SCHEDULED, Status.AWAITING_APPROVAL}),
    Status.CANCELLED: frozenset({Status.PENDING, Status.SCHEDULED, Status.AWAITING_APPROVAL}),
    Status.REJECTED: frozenset(),  # who wants it all the same asks for it anew
}

# A final status stays, unless somebody retries the request.
FINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.REJECTED)
OPEN = tuple(status for status in TRANSITIONS if status not in FINAL)

CANCELLABLE = tuple(status for status in OPEN if Status.CANCELLED in TRANSITIONS[status])
RETRYABLE = tuple(status for status in FINAL if Status.PENDING in TRANSITIONS[status])


def predecessors(status: Status) -> frozenset[Status]:
    """Return the statuses that `status` may follow."""
    return frozenset(before for before, successors in TRANSITIONS.items() if status in successors)


def words(statuses: Iterable[Status]) -> str:
    """Return the statuses as a list in SQL."""
    return ", ".join(f"'{status}'" for status in sorted(statuses))

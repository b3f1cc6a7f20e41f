"""Wait until requests are settled: the API does while it can (`Prefer: wait`), and then it is asked again."""

import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from dns_orchestrator.call import Call, Flow, Pause
from dns_orchestrator.errors import RequestFailed, StillOpen
from dns_orchestrator.models.requests import HELD, Request

LONGEST_PREFERENCE = 60  # seconds that the API waits at most
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Deadline:
    """A time until which something is waited for."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self._ends - time.monotonic())


def preference(wait: float | None) -> Mapping[str, str]:
    """Return the header by which the API is asked to answer when all is settled (RFC 7240)."""
    return {} if not wait else {"Prefer": f"wait={round(min(LONGEST_PREFERENCE, max(1.0, wait)))}"}


def seconds_of(wait: float | None) -> float | None:
    """Return how much longer the answer may take for that."""
    return None if not wait else float(min(LONGEST_PREFERENCE, wait))


def pauses(longest: float = _LONGEST_PAUSE) -> Iterator[float]:
    """Yield pauses between two questions, in seconds, which grow."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, longest)


def get_request(request_id: UUID | str) -> Call[Request]:
    """The call that shows a request."""
    return Call("GET", f"/dns/requests/{request_id}", Request)


def submission(
    path: str,
    wait: float | None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    repeatable: bool = True,
    method: str = "POST",
) -> Flow[Request]:
    """Make a call that submits a request; return it as accepted or, if it is to `wait`, when it succeeded.

    Raises RequestFailed, StillOpen.
    """
    deadline = Deadline(wait or 0.0)
    request: Request = yield Call(
        method,
        path,
        Request,
        json=body,
        headers={**(headers or {}), **preference(wait)},
        seconds=seconds_of(wait),
        repeatable=repeatable,
    )
    return (yield from until_succeeded(request, deadline.left)) if wait else request


def until_settled(request: Request, deadline: Deadline) -> Flow[Request]:
    """Return the request once it is settled, with all that is known of it.

    Raises StillOpen at the deadline, and at once where it takes a person, or time, until a worker gets it.
    """
    for pause in pauses():
        if request.is_settled and request.attempts is not None:
            return request
        if request.status in HELD or deadline.left == 0.0:
            raise StillOpen(request)
        yield Pause(min(pause, deadline.left))
        request = yield get_request(request.id)
    raise AssertionError("pauses do not end")


def until_succeeded(request: Request, wait: float) -> Flow[Request]:
    """Return the request when it has succeeded. Raises RequestFailed, StillOpen."""
    settled = yield from until_settled(request, Deadline(wait))
    if not settled.has_succeeded:
        raise RequestFailed(settled)
    return settled

"""Which calls are made again, and when.

What passes by itself: connections that fail, and 429, 502, 503 and 504. A call that may have arrived is made
again only if that does no harm; calls that ask for changes have an idempotency key, which stays the same.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from dns_orchestrator.answers import read
from dns_orchestrator.call import Call, Exchange, Pause
from dns_orchestrator.errors import AnswerError, ConnectionFailed, OrchestratorError

_PASSING = frozenset({429, 502, 503, 504})
_NOT_DONE = frozenset({429})  # the API has done nothing for such a call


@dataclass(frozen=True)
class Retries:
    """How often a call is made at most, and how long to wait between two (seconds).

    A longer `Retry-After` is not waited for: the error has it as `retry_after`.
    """

    attempts: int = 6
    first_pause: float = 0.25
    longest_pause: float = 30.0

    def make(self, call: Call[Any]) -> Generator[Exchange | Pause, Any, Any]:
        """Make a call until it is answered well. Raises OrchestratorError."""
        for tried in range(1, self.attempts + 1):
            outcome = yield Exchange(call)
            try:
                if isinstance(outcome, OrchestratorError):
                    raise outcome
                return read(call, outcome)
            except OrchestratorError as error:
                pause = self._pause(tried, call, error)
                if pause is None:
                    raise
                yield Pause(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, tried: int, call: Call[Any], error: OrchestratorError) -> float | None:
        """Return how long to wait before the call is made again; None: it is not."""
        if tried == self.attempts or not _passes(call, error):
            return None
        if isinstance(error, AnswerError) and error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_pause else None
        doubled = min(self.first_pause * 2.0 ** (tried - 1), self.longest_pause)
        return doubled * random.uniform(0.5, 1.0)  # noqa: S311 - not all clients at the same time


def _passes(call: Call[Any], error: OrchestratorError) -> bool:
    if isinstance(error, ConnectionFailed):
        return call.repeatable or not error.sent
    if isinstance(error, AnswerError):
        return error.status in _NOT_DONE or (call.repeatable and error.status in _PASSING)
    return False

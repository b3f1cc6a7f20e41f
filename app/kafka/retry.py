"""Retries: the errors after which the consumer tries again, and its pauses in between."""

from app.core.backoff import Backoff
from app.domain.retry_policy import LONGEST_RETRY_AFTER, Retry


class RetryLater(Exception):
    """Another part does not answer as it should; the messages are not to blame.

    `retry_after` is the pause that it asked for, in seconds, or None.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class ApiAway(RetryLater):
    """The API can't be reached, or answers nobody: that says nothing about the messages."""


class ApiFailed(RetryLater):
    """The API answered 500. If it does so again and again for one message, that message is to blame."""


class ApiBroke(ApiFailed):
    """The API took a call and gave no answer: it may have died of it, or taken too long."""


class RetryPauses:
    """The pauses between tries, which grow with each failure in a row."""

    def __init__(self, retry: Retry) -> None:
        self._backoff = Backoff(*retry.pauses)
        self._failures = 0

    def next(self, retry_after: float | None = None) -> float:
        """Count a failure and return the seconds to wait: `retry_after` if given, within bounds."""
        pause = self._backoff.pause(self._failures)
        self._failures += 1
        return pause if retry_after is None else min(retry_after, LONGEST_RETRY_AFTER)

    def reset(self) -> None:
        """Forget the failures: the next pause is the shortest again."""
        self._failures = 0

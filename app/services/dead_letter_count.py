"""How many dead letters wait to be sent back."""

import time
from threading import Lock, Thread

from app.core.backoff import Backoff
from app.core.logging import get_logger
from app.domain.permissions import SERVICE
from app.domain.retry_policy import COUNT_DEAD_LETTERS
from app.services.dead_letters import DeadLetterQueueError, open_queue, topics

log = get_logger(__name__)

_EVERY = 30.0  # seconds
_AFTER_FAILURE = Backoff(*COUNT_DEAD_LETTERS.pauses)
_TIMEOUT = 4.0  # seconds that the broker may take for an answer


class DeadLetterCount:
    """The number as it was a moment ago. The broker is asked in the background: nobody waits for it."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._ask_at = 0.0  # monotonic
        self._failures = 0
        self._lock = Lock()

    def look(self) -> int | None:
        """Return the number of all topics; None while the broker has not said it."""
        with self._lock:
            if time.monotonic() >= self._ask_at:
                self._ask_at = float("inf")  # until this one has its answer
                Thread(target=self._ask, name="count dead letters", daemon=True).start()
            return self._number

    def _ask(self) -> None:
        number, pause = None, _AFTER_FAILURE.longest
        try:
            number, pause = sum(map(_waiting, topics())), _EVERY
            self._failures = 0
        except DeadLetterQueueError as error:
            pause = _AFTER_FAILURE.pause(self._failures)
            self._failures += 1
            log.warning(
                "dead letters not counted: Kafka is in the way; asked again later, while somebody looks",
                error=str(error),
                pause=round(pause),
            )
        finally:
            with self._lock:
                self._number, self._ask_at = number, time.monotonic() + pause


def _waiting(topic: str) -> int:
    with open_queue(topic, SERVICE, _TIMEOUT) as queue:
        return sum(each.high - max(each.low, each.committed) for each in queue.partitions.values())

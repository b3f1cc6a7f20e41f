"""A process that publishes events to Kafka until it is killed.

    python -m tests.support.kafka.publisher [TIMES]

With TIMES it stands still after it has sent so many batches, and before it deletes the last of them.
"""

import signal
import sys
from collections.abc import Collection
from threading import Event as StopEvent
from typing import Never

from sqlalchemy.orm import Session

from app.core.config import settings
from app.services.events.publish import publish_until
from app.services.events.to_kafka import KafkaPublisher
from app.store import outbox
from app.store.outbox import Listener

STANDS_STILL = "sent, and not deleted"


def _stand_still_at(times: int) -> None:
    remove = outbox.remove
    calls = 0

    def remove_or_stand_still(session: Session, listener: Listener, ids: Collection[int]) -> set[int]:
        nonlocal calls
        calls += 1
        if calls == times:
            print(STANDS_STILL, flush=True)  # noqa: T201
            signal.pause()
        return remove(session, listener, ids)

    outbox.remove = remove_or_stand_still


def main() -> Never:
    """Publish."""
    if len(sys.argv) > 1:
        _stand_still_at(int(sys.argv[1]))
    topic = settings().kafka_results_topic
    assert topic
    publish_until(StopEvent(), KafkaPublisher(topic))
    raise AssertionError("it has ended by itself")


if __name__ == "__main__":
    main()

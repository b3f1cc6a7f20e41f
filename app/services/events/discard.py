"""Ends the publishing to Kafka where no worker has the setting KAFKA_RESULTS_TOPIC any more."""

import time

from app.core.database import transaction
from app.core.logging import get_logger
from app.services.events.listeners import switch_off
from app.store import outbox
from app.store.outbox import Listener

log = get_logger(__name__)

UNWANTED_AFTER = 600.0  # seconds without a worker that has the setting, after which events are discarded
_LOOK_INTERVAL = 30.0  # seconds
_DISCARDED_AT_ONCE = 10_000


class KafkaDiscarder:
    """Discards the events for Kafka when no worker has KAFKA_RESULTS_TOPIC any more."""

    listener = Listener.KAFKA

    def __init__(self) -> None:
        self._next_look = 0.0

    def publish_some(self) -> int | None:
        """Look every half a minute; return how many events were discarded. None: there was nothing to do."""
        now = time.monotonic()
        if now < self._next_look:
            return None
        with transaction() as session:
            unwanted = outbox.is_unwanted(session, self.listener, UNWANTED_AFTER)
        if unwanted and switch_off(self.listener):
            log.warning(
                "events are published to Kafka no more, and those that wait are discarded: no worker has had"
                " KAFKA_RESULTS_TOPIC for a while",
                seconds=UNWANTED_AFTER,
            )
        with transaction() as session:
            number = outbox.discard(session, self.listener, _DISCARDED_AT_ONCE)
        if not number:
            self._next_look = now + _LOOK_INTERVAL
        return number or None

    def forget(self) -> None:
        """Nothing is known."""

    def end(self) -> None:
        """Nothing is held."""

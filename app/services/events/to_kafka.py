"""Publishes events to the topic KAFKA_RESULTS_TOPIC."""

import time
from functools import partial

from app.core import metrics
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.notify.kafka import EventTopic, Message
from app.services.events.cloud_event import cloud_event
from app.services.events.floor import Floor
from app.services.events.listeners import switch_on
from app.services.events.publish import NotHandedOn, Publisher
from app.services.events.waves import waves
from app.store import outbox
from app.store.outbox import Event, Listener

log = get_logger(__name__)

_AT_ONCE = 4_000  # events that are taken together
_LOOK_INTERVAL = 30.0  # seconds
_TIMEOUT = 10.0  # seconds until the brokers must have confirmed what was sent, or a third of the lease


class KafkaPublisher(Publisher):
    """Sends each event to the topic, and deletes it when the brokers have confirmed it."""

    def __init__(self, topic: str) -> None:
        super().__init__(Listener.KAFKA, _AT_ONCE)
        self._topic = EventTopic(topic, min(_TIMEOUT, settings().lease / 3))
        self._next_look: float | None = None

    def publish_some(self) -> int | None:
        """Publish what waits; every half a minute, say that it is wanted."""
        self._listen()
        return super().publish_some()

    def hand_on(self, floor: Floor) -> int:
        """Send one event of each request, then the next of each; raise NotHandedOn where some fail."""
        with transaction() as session:
            events = self.take(session, floor)
        sent: list[Event] = []
        why = ""
        for wave in waves(events):
            if self.hold() is not floor:  # another worker has taken over
                break
            errors = self._topic.send(list(map(_message, wave)))
            sent += [event for event, error in zip(wave, errors, strict=True) if error is None]
            why = next((error.str() for error in errors if error is not None), "")
            if why:
                break
        with transaction() as session:
            self.remove(session, sent)
        metrics.EVENTS_PUBLISHED.inc(len(sent), listener=self.listener)
        if why:
            raise NotHandedOn(why)
        return len(sent)

    def _listen(self) -> None:
        now = time.monotonic()
        if self._next_look is not None and now < self._next_look:
            return
        with transaction() as session:
            outbox.note_wanted(session, self.listener)
            is_on = outbox.has_listener(session, self.listener)
        if not is_on and switch_on(self.listener):
            log.info("events are published from now on", topic=self._topic.name)
        if self._next_look is None:
            self._topic.create()
        self._next_look = now + _LOOK_INTERVAL


def _message(event: Event) -> Message:
    shorter = partial(cloud_event, event, with_resource=False)
    return Message(str(event.request_id), cloud_event(event), shorter, event.traceparent)

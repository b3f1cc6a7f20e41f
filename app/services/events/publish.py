"""The publishers: they take events from the outbox, hand them on to a listener, and delete them.

A thread of the worker process for each listener, so that none waits for another. One worker at a time
publishes to a listener; another one takes over when it ends, or when its lease has run out. One that was only
frozen may go on where it stood: an event can come twice, with the same id, and never before an earlier one of
its request has come.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Event as StopEvent
from typing import Protocol
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core import metrics
from app.core.backoff import Backoff
from app.core.config import settings
from app.core.database import transaction
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.retry_policy import PUBLISH_EVENTS
from app.services.events import webhooks
from app.services.events.floor import Floor
from app.store import outbox
from app.store.outbox import Event, Listener

log = get_logger(__name__)

_AT_ONCE = 1_000  # events whose deliveries are noted in one transaction
_POLL = 0.2  # seconds until events are looked for again, where there were none
_IDLE_POLL = 2.0  # the same while another process publishes, or nobody listens
_BACKOFF = Backoff(*PUBLISH_EVENTS.pauses)


class NotHandedOn(Exception):
    """The listener does not take events; the text says why."""


class Work(Protocol):
    """What a thread does for a listener, again and again."""

    @property
    def listener(self) -> Listener:
        """For whom."""

    def publish_some(self) -> int | None:
        """Do some of it; return how many events that were. None: there is nothing to do here."""

    def forget(self) -> None:
        """Take nothing for known: something has failed."""

    def end(self) -> None:
        """Leave it to others."""


class Publisher(ABC):
    """Publishes to a listener while this process has the lease."""

    def __init__(self, listener: Listener, at_once: int) -> None:
        self._listener = listener
        self._at_once = at_once
        self._holder: UUID = uuid4()
        self._floor: Floor | None = None  # None: another process may have the lease
        self._renew_at = 0.0  # on the monotonic clock

    @property
    def listener(self) -> Listener:
        """To whom it publishes."""
        return self._listener

    def publish_some(self) -> int | None:
        """Publish some of what waits; return how many events. None: this process has not to publish.

        Raises what the database raises.
        """
        floor = self.hold()
        if floor is None:
            return None
        number = self.hand_on(floor)
        if floor.may_rise:
            with transaction() as session:
                floor.note_writers(outbox.who_writes_events(session))
        return number

    @abstractmethod
    def hand_on(self, floor: Floor) -> int:
        """Take events, hand them on, and delete those that the listener has got; return how many that are."""

    def take(self, session: Session, floor: Floor) -> list[Event]:
        """Return the first events that the listener has not got."""
        events = outbox.take(session, self.listener, floor.value, self._at_once)
        floor.note_taken(events[0].id if events else None, events[-1].id if events else None)
        return events

    def remove(self, session: Session, events: Sequence[Event]) -> list[Event]:
        """Delete events that the listener has got; return those that nobody else has deleted."""
        mine = outbox.remove(session, self.listener, [event.id for event in events]) if events else set()
        return [event for event in events if event.id in mine]

    def forget(self) -> None:
        """Ask for the lease before anything else: it is not known what has happened meanwhile."""
        self._floor = None

    def end(self) -> None:
        """Let another process publish at once."""
        if self._floor is None:
            return
        try:
            with transaction() as session:
                outbox.LEASES.release(session, self._holder)
        except DATABASE_ERRORS as error:
            log.warning(
                "publisher not released: another worker takes over when its lease has run out",
                listener=self.listener,
                error=cause(error),
            )

    def hold(self) -> Floor | None:
        """Return the floor while this process has the lease, which it extends, or acquires."""
        now = time.monotonic()
        if self._floor is not None and now < self._renew_at:
            return self._floor
        lease = settings().lease
        with transaction() as session:
            if not outbox.is_wanted(session, self.listener):
                self._floor = None
            elif self._floor is None:
                found = outbox.LEASES.acquire(session, self.listener, self._holder, lease)
                self._floor = None if found is None else Floor(found)
            elif not outbox.LEASES.extend(session, self.listener, self._holder, lease, self._floor.value):
                self._floor = None
        self._renew_at = now + lease / 3
        return self._floor


class WebhookPublisher(Publisher):
    """Notes for each webhook which events it is to get."""

    def __init__(self) -> None:
        super().__init__(Listener.WEBHOOKS, _AT_ONCE)

    def hand_on(self, floor: Floor) -> int:
        """Note what is to be delivered, and delete the events, in one transaction."""
        with transaction() as session:
            events = self.remove(session, self.take(session, floor))
            if events:
                webhooks.fan_out(session, events)
        metrics.EVENTS_PUBLISHED.inc(len(events), listener=self.listener)
        return len(events)


def publish_until(stop: StopEvent, work: Work) -> None:
    """Publish until `stop` is set, whatever happens."""
    failures = 0
    pause: float = 0
    while not stop.wait(pause):
        try:
            number = work.publish_some()
            failures = 0
            pause = _IDLE_POLL if number is None else 0 if number else _POLL
        except Exception as error:  # if this ended, nobody would be told of anything
            metrics.EVENT_FAILURES.inc(listener=work.listener)
            _log(work.listener, error, failures)
            if not isinstance(error, NotHandedOn):
                work.forget()
            pause = _BACKOFF.pause(failures)
            failures += 1
    work.end()


def _log(listener: Listener, error: Exception, failures: int) -> None:
    if not isinstance(error, (*DATABASE_ERRORS, NotHandedOn)):
        log.exception("events not published; tried again soon", listener=listener)
    elif not failures:  # said once
        why = str(error) if isinstance(error, NotHandedOn) else f"the database failed: {cause(error)}"
        log.warning("events not published; they wait, and are tried again", listener=listener, reason=why)

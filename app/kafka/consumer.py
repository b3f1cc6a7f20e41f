"""Takes requests from the Kafka topic and hands them to the API, several batches at a time."""

import signal
import time
from collections.abc import Iterable, Sequence
from threading import Event
from types import FrameType

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from app.core.config import Settings, settings
from app.core.logging import configure_logging, get_logger
from app.kafka.batch import Batch
from app.kafka.buffer import Backlog
from app.kafka.entry import Entry, Partition
from app.kafka.offsets import Offsets
from app.kafka.pool import Crew
from app.kafka.processor import Desk
from app.kafka.properties import consumer_properties, ensure_topics, librdkafka_logger

log = get_logger("kafka")

POLL = 1.0  # seconds to wait for a message while nothing is in hand
TICK = 0.01  # seconds to wait for an answer before the topic is looked at again
CHUNK = 500  # messages taken at once
SIGN_OF_LIFE = 0.5  # seconds between two of them while there is no room for more messages
GRACE = 10.0  # seconds that partitions are kept back for answers that are under way


class RequestConsumer:
    """One member of the consumer group."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._consumer = Consumer(consumer_properties(config), logger=librdkafka_logger())
        self._backlog = Backlog(config.kafka_in_hand)
        self._desk = Desk(config)
        self._crew = Crew(config.kafka_in_flight, self._desk.work_off)
        self._offsets = Offsets(self._consumer)
        self._paused = False
        self._polled = time.monotonic()
        self._stopping = Event()

    def run(self) -> None:
        """Work until `stop()`; then leave the group at once. Raises KafkaException when it cannot go on."""
        ensure_topics(self._config)
        self._consumer.subscribe(
            [self._config.kafka_dns_topic],
            on_assign=self._welcome,
            on_revoke=self._hand_over,
            on_lost=self._lose,
        )
        try:
            while not self._stopping.is_set():
                self._step()
        finally:
            self._finish()

    def stop(self) -> None:
        """End `run()` with the answers that are under way; what can't be decided now is left uncommitted."""
        self._stopping.set()

    def _step(self) -> None:
        taken = self._wait_for_room() if self._backlog.full else self._take()
        self._start()
        waiting = not taken and (self._crew or self._backlog)
        self._settle(self._crew.ended(TICK if waiting else 0))

    def _take(self) -> int:
        """Take what is there; with nothing in hand, wait for a first message."""
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        if not self._crew and not self._backlog:
            self._hold(self._consumer.consume(1, POLL))
        messages = self._consumer.consume(CHUNK, 0)
        self._hold(messages)
        self._polled = time.monotonic()
        return len(messages)

    def _wait_for_room(self) -> int:
        """Take nothing new; now and then poll, as a live member of the group does."""
        if time.monotonic() - self._polled > SIGN_OF_LIFE:
            self._consumer.pause(self._consumer.assignment())
            self._paused = True
            message = self._consumer.poll(0)
            self._hold([message] if message else [])  # fetched before the pause
            self._polled = time.monotonic()
        return 0

    def _hold(self, messages: Iterable[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                self._backlog.add(Entry.of(message, self._config.max_body))
            else:
                self._report(error)

    def _start(self) -> None:
        """Start batches, none with a partition that is under way already: so each keeps its order."""
        while self._crew.free and not self._offsets:
            entries = self._backlog.take(self._config.kafka_batch_items, self._crew.partitions)
            if not entries:
                return
            self._crew.start(Batch(entries))

    def _settle(self, ended: Sequence[Batch]) -> None:
        """Commit what is done, and say so."""
        for batch in ended:
            if batch.done:
                self._offsets.note(batch.ends)
        self._offsets.commit()
        for batch in ended:
            _tell(batch)

    def _welcome(self, _: Consumer, assigned: Sequence[TopicPartition]) -> None:
        self._paused = True  # perhaps: one that was paused when it was revoked still is
        log.info("partitions are assigned", partitions=len(assigned))

    def _hand_over(self, _: Consumer, revoked: Sequence[TopicPartition]) -> None:
        """Before another member goes on with these partitions, commit what is being answered right now."""
        gone = _partitions(revoked)
        until = time.monotonic() + GRACE
        while self._crew.asking(gone) and (left := until - time.monotonic()) > 0:
            self._settle(self._crew.ended(left))
        self._let_go(gone)

    def _lose(self, _: Consumer, lost: Sequence[TopicPartition]) -> None:
        self._let_go(_partitions(lost))

    def _let_go(self, gone: set[Partition]) -> None:
        """Another member works off these partitions' messages from now on."""
        dropped = self._backlog.drop(gone) + self._crew.leave(gone)
        self._offsets.forget(gone)
        log.info("partitions are revoked", partitions=len(gone), dropped=dropped)

    def _finish(self) -> None:
        self._crew.call_off()
        while self._crew:
            self._settle(self._crew.ended(POLL))
        self._consumer.close()
        self._crew.close()
        self._desk.close()

    def _report(self, error: KafkaError) -> None:
        if error.fatal():
            raise KafkaException(error)
        log.warning("Kafka reports a problem", reason=error.str(), code=error.name())
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            ensure_topics(self._config)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    configure_logging("consumer")
    consumer = RequestConsumer(settings())

    def stop(number: int, _: FrameType | None) -> None:
        consumer.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    consumer.run()
    log.info("left the group")


def _partitions(places: Iterable[TopicPartition]) -> set[Partition]:
    return {(place.topic, place.partition) for place in places}


def _tell(batch: Batch) -> None:
    if batch.verdict is None or not batch.done:
        return
    log.info(
        "worked off a batch",
        accepted=batch.verdict.accepted,
        replayed=batch.verdict.replayed,
        dead=len(batch.verdict.letters),
        seconds=round(time.monotonic() - batch.began, 3),
    )

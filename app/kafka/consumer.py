"""Takes requests from the Kafka topic and hands them to the API, batch by batch."""

import signal
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from threading import Event
from types import FrameType

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from app.core.config import Settings, settings
from app.core.logging import configure, get_logger
from app.kafka.batch_call import Answer, BatchCall
from app.kafka.client import consumer_properties, ensure_topics, librdkafka_logger
from app.kafka.dead_letter import DeadLetter, DeadLetters
from app.kafka.later import Pauses, TryLater
from app.kafka.message import Place, UnreadableMessage, to_item

log = get_logger("kafka")

POLL = 1.0  # seconds to wait for a first message
SLICE = 0.2  # seconds between two signs of life while waiting
PATIENCE = 6  # times that the API may trip (500) over an item before it becomes a dead letter


class RequestConsumer:
    """One member of the consumer group."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._limit = config.kafka_batch_items
        self._api = BatchCall(config)
        self._dead_letters = DeadLetters(config)
        self._consumer = Consumer(consumer_properties(config), logger=librdkafka_logger())
        self._in_hand: list[Message] = []
        self._pauses = Pauses()
        self._trips = 0
        self._stopping = Event()

    def run(self) -> None:
        """Work until `stop()`; then leave the group at once. Raises KafkaException when it cannot go on."""
        ensure_topics(self._config)
        self._consumer.subscribe(
            [self._config.kafka_dns_topic], on_assign=_welcome, on_revoke=self._drop, on_lost=self._drop
        )
        try:
            while not self._stopping.is_set():
                self._step()
        finally:
            self._consumer.close()
            self._api.close()

    def stop(self) -> None:
        """Finish the batch in hand, unless some part is away, and end `run()`."""
        self._stopping.set()

    def _step(self) -> None:
        self._take()
        if not self._in_hand:
            return
        try:
            self._work_off()
        except TryLater as trouble:
            self._wait(trouble)
        else:
            self._pauses.reset()

    def _work_off(self) -> None:
        """One batch from the topic to the commit; whatever raises leaves it in hand, uncommitted."""
        started, batch = time.monotonic(), self._in_hand
        sent, items, letters = self._translate(batch)
        answers = self._api.submit(items)
        self._insist_on_decisions(sent, answers)
        letters += _refusals(sent, answers)
        self._dead_letters.deliver(letters)
        self._commit(batch)
        self._in_hand, self._trips = [], 0
        log.info(
            "worked off a batch",
            accepted=sum(answer.accepted and not answer.replayed for answer in answers),
            replayed=sum(answer.replayed for answer in answers),
            dead=len(letters),
            seconds=round(time.monotonic() - started, 3),
        )

    def _take(self) -> None:
        """Wait for a message, then take with it what is there; nothing new while a batch is in hand."""
        if self._in_hand:
            return
        self._hold(self._consumer.consume(1, POLL))
        if self._in_hand and self._limit > 1:
            self._hold(self._consumer.consume(self._limit - 1, 0))

    def _hold(self, messages: Iterable[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                self._in_hand.append(message)
            else:
                self._report(error)

    def _translate(self, batch: Iterable[Message]) -> tuple[list[Message], list[bytes], list[DeadLetter]]:
        """The messages that can be sent, their items, and letters for the other messages."""
        sent, items, letters = [], [], []
        for message in batch:
            try:
                items.append(to_item(message, self._config.max_body))
            except UnreadableMessage as unreadable:
                letters.append(DeadLetter(message, f"{unreadable.code}: {unreadable}"))
            else:
                sent.append(message)
        return sent, items, letters

    def _insist_on_decisions(self, batch: Sequence[Message], answers: Sequence[Answer]) -> None:
        """Raise TryLater while items are undecided; one that trips the API again and again is given up."""
        undecided = [number for number, answer in enumerate(answers) if answer.undecided]
        if not undecided:
            return
        self._trips += 1
        statuses = {answers[number].status_code for number in undecided}
        if statuses != {HTTPStatus.INTERNAL_SERVER_ERROR} or self._trips < PATIENCE:
            first = Place.of(batch[undecided[0]])
            raise TryLater(f"the API answered {sorted(statuses)} for some items, the first of them {first}")

    def _commit(self, batch: Sequence[Message]) -> None:
        ends = {place[:2]: place.offset + 1 for place in map(Place.of, batch)}
        offsets = [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]
        try:
            results = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise TryLater(f"the offsets are not committed: {error.args[0].str()}") from error
        for place in results or ():
            if place.error is not None:
                raise TryLater(f"the offsets are not committed: {place.error.str()}")

    def _wait(self, trouble: TryLater) -> None:
        """Let time pass as a live member of the group, taking nothing new."""
        pause = self._pauses.next(trouble.retry_after)
        log.warning(
            "nothing is committed; trying again later",
            reason=str(trouble),
            pause=round(pause, 1),
            messages=len(self._in_hand),
        )
        end = time.monotonic() + pause
        while self._in_hand and not self._stopping.is_set() and (left := end - time.monotonic()) > 0:
            self._consumer.pause(self._consumer.assignment())
            message = self._consumer.poll(min(left, SLICE))
            self._hold([message] if message else [])  # fetched before the pause
        self._consumer.resume(self._consumer.assignment())

    def _drop(self, _: Consumer, revoked: Sequence[TopicPartition]) -> None:
        """Let go of the messages of partitions that another member works off from now on."""
        gone = {(place.topic, place.partition) for place in revoked}
        kept = [message for message in self._in_hand if Place.of(message)[:2] not in gone]
        log.info("partitions are revoked", partitions=len(gone), dropped=len(self._in_hand) - len(kept))
        self._in_hand, self._trips = kept, 0

    def _report(self, error: KafkaError) -> None:
        if error.fatal():
            raise KafkaException(error)
        log.warning("Kafka reports a problem", reason=error.str(), code=error.name())
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            ensure_topics(self._config)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    configure("consumer")
    consumer = RequestConsumer(settings())

    def stop(number: int, _: FrameType | None) -> None:
        consumer.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    consumer.run()
    log.info("left the group")


def _welcome(_: Consumer, assigned: Sequence[TopicPartition]) -> None:
    log.info("partitions are assigned", partitions=len(assigned))


def _refusals(messages: Sequence[Message], answers: Sequence[Answer]) -> list[DeadLetter]:
    return [
        DeadLetter.of(message, answer.reasons)
        for message, answer in zip(messages, answers, strict=True)
        if not answer.accepted
    ]

"""The Kafka consumer: receives requests from the topic, and has them processed several batches at a time."""

import signal
import time
from collections.abc import Iterable, Sequence
from threading import Event
from types import FrameType

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from app.core import metrics, tracing
from app.core.config import settings
from app.core.logging import configure_logging, get_logger, log_stderr_as_json
from app.core.metrics_listener import listen
from app.core.setting_types import page
from app.core.stopping import end_at_once, end_in_time
from app.kafka.batch import Batch
from app.kafka.buffer import MessageBuffer
from app.kafka.lag import Lag
from app.kafka.message import BufferedMessage
from app.kafka.offsets import OffsetCommitter
from app.kafka.pool import WorkerPool
from app.kafka.processor import BatchProcessor
from app.topics.position import Partition
from app.topics.properties import consumer_properties, ensure_topics, librdkafka_logger

log = get_logger("kafka")

MAX_POLL_RECORDS = 500  # messages received at once
IDLE_TIMEOUT = 1.0  # seconds to wait for a message while nothing is buffered or in flight
BUSY_TIMEOUT = 0.01  # seconds to wait for a batch to finish before the topic is polled again
FULL_POLL_INTERVAL = 0.5  # seconds between two polls while the buffer is full
REVOKE_TIMEOUT = 10.0  # seconds for which revoked partitions are kept until their batches have finished


class RequestConsumer:
    """One member of the consumer group. All calls of Kafka's consumer are made by the thread of `run()`."""

    def __init__(self) -> None:
        self.lag = Lag()
        told = self.lag.properties() if settings().metrics_listen else {}
        self._consumer = Consumer({**told, **consumer_properties()}, logger=librdkafka_logger())
        self._buffer = MessageBuffer(settings().kafka_in_hand)
        self._processor = BatchProcessor()
        self._pool = WorkerPool(settings().kafka_in_flight, self._processor.process)
        self._offsets = OffsetCommitter(self._consumer)
        self._paused = False
        self._last_poll = time.monotonic()
        self._stopping = Event()

    def run(self) -> None:
        """Consume until `stop()`, then leave the group. Raises KafkaException after a fatal error."""
        ensure_topics()
        self._consumer.subscribe(
            list(settings().kafka_topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        try:
            while not self._stopping.is_set():
                self._run_once()
        finally:
            self._shut_down()

    @property
    def has_calls_left(self) -> bool:
        """Whether calls of the API are still open, after `run()`."""
        return self._pool.busy

    def stop(self) -> None:
        """End `run()` after the current try of each batch. Batches that fail then stay uncommitted."""
        self._stopping.set()

    def _run_once(self) -> None:
        received = self._poll_while_full() if self._buffer.full else self._receive()
        self._start_batches()
        nothing_new = not received and (self._pool.busy or self._buffer)
        self._commit_finished_batches(BUSY_TIMEOUT if nothing_new else 0)

    def _receive(self) -> int:
        """Buffer the messages that are available; if the consumer has none at all, wait for the first."""
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        if not self._pool.busy and not self._buffer:
            self._buffer_messages(self._consumer.consume(1, IDLE_TIMEOUT))
        messages = self._consumer.consume(MAX_POLL_RECORDS, 0)
        self._buffer_messages(messages)
        self._last_poll = time.monotonic()
        return len(messages)

    def _poll_while_full(self) -> int:
        """Receive nothing new, but poll with all partitions paused, so that the group keeps this member."""
        if time.monotonic() - self._last_poll > FULL_POLL_INTERVAL:
            self._consumer.pause(self._consumer.assignment())
            self._paused = True
            message = self._consumer.poll(0)
            self._buffer_messages([message] if message else [])  # fetched before the pause
            self._last_poll = time.monotonic()
        return 0

    def _buffer_messages(self, messages: Iterable[Message]) -> None:
        max_item = settings().max_body
        for message in messages:
            error = message.error()
            if error is None:
                self._buffer.add(BufferedMessage.of(message, max_item))
            else:
                self._handle_error(error)

    def _start_batches(self) -> None:
        """Start batches of partitions that have nothing in flight, so that each partition keeps its order."""
        while self._pool.has_free_thread and not self._offsets.pending:
            messages = self._buffer.take(settings().kafka_batch_items, self._pool.partitions)
            if not messages:
                return
            self._pool.start(messages)

    def _commit_finished_batches(self, timeout: float) -> None:
        """Commit the offsets of batches that are done; wait up to `timeout` seconds for one to finish."""
        done = [batch for batch in self._pool.finished(timeout) if batch.done]
        for batch in done:
            self._offsets.add(batch.next_offsets)
        self._offsets.commit()
        for batch in done:
            seconds = time.monotonic() - batch.started
            _count(batch, seconds)
            log.info(
                "processed a batch",
                accepted=batch.accepted,
                replayed=batch.replayed,
                dead_letters=batch.dead_letters,
                seconds=round(seconds, 3),
            )

    def _on_assign(self, _: Consumer, assigned: Sequence[TopicPartition]) -> None:
        # librdkafka keeps a pause beyond a rebalance: have `_receive` resume what may still be paused
        self._paused = True
        log.info("partitions are assigned", partitions=len(assigned))

    def _on_revoke(self, _: Consumer, revoked: Sequence[TopicPartition]) -> None:
        """Commit what is being processed right now before another member takes over these partitions."""
        partitions = _partitions(revoked)
        deadline = time.monotonic() + (0 if self._stopping.is_set() else REVOKE_TIMEOUT)
        while self._pool.is_processing(partitions) and (left := deadline - time.monotonic()) > 0:
            self._commit_finished_batches(left)
        self._drop_partitions(partitions)

    def _on_lost(self, _: Consumer, lost: Sequence[TopicPartition]) -> None:
        self._drop_partitions(_partitions(lost))

    def _drop_partitions(self, partitions: set[Partition]) -> None:
        """Drop the messages of these partitions: another member processes them from now on."""
        dropped = self._buffer.drop_partitions(partitions) + self._pool.drop_partitions(partitions)
        self._offsets.drop_partitions(partitions)
        self.lag.drop_partitions(partitions)
        log.info("partitions are revoked", partitions=len(partitions), dropped=dropped)

    def _shut_down(self) -> None:
        self._pool.cancel_all()
        until = time.monotonic() + settings().stop_timeout
        while self._pool.busy and (left := until - time.monotonic()) > 0:
            self._commit_finished_batches(min(IDLE_TIMEOUT, left))
        self._consumer.close()
        if self.has_calls_left:
            log.warning("left the group in the middle of calls: who gets their messages makes them again")
            return
        self._pool.close()
        self._processor.close()

    def _handle_error(self, error: KafkaError) -> None:
        if error.fatal():
            raise KafkaException(error)
        log.warning(
            "Kafka reported an error; the consumer keeps trying."
            " If this repeats, check the broker, KAFKA_BROKER_URL and KAFKA_CONFIG__…",
            reason=error.str(),
            code=error.name(),
        )
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            ensure_topics()


def main() -> None:
    """Run the consumer until SIGTERM or SIGINT."""
    configure_logging("consumer")
    try:
        consumer = RequestConsumer()
    except KafkaException as error:  # a property that librdkafka does not know, or can't use
        raise SystemExit(page([f"KAFKA_CONFIG__…: {error.args[0].str()}"])) from None
    log_stderr_as_json("consumer")
    tracing.start("consumer")
    if settings().metrics_listen:
        metrics.start()
        listen(consumer.lag)

    def stop(number: int, _: FrameType | None) -> None:
        end_in_time()
        consumer.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    consumer.run()
    tracing.stop()
    log.info("left the group")
    if consumer.has_calls_left:
        end_at_once(0)


def _count(batch: Batch, seconds: float) -> None:
    numbers = {"accepted": batch.accepted, "replayed": batch.replayed, "dead_letter": batch.dead_letters}
    for outcome, number in numbers.items():
        metrics.KAFKA_MESSAGES.inc(number, outcome=outcome)
    metrics.KAFKA_BATCH_SECONDS.observe(seconds)


def _partitions(given: Iterable[TopicPartition]) -> set[Partition]:
    return {(each.topic, each.partition) for each in given}

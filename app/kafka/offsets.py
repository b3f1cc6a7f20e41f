"""Offset commits: how far the consumer group has processed each partition."""

import time
from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from app.core.logging import get_logger
from app.domain.retry_policy import COMMIT_OFFSETS
from app.kafka.retry import RetryPauses
from app.topics.position import Partition

log = get_logger("kafka")


class OffsetCommitter:
    """Commits offsets, and keeps those that the broker did not take for the next try."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._uncommitted: dict[Partition, int] = {}
        self._pauses = RetryPauses(COMMIT_OFFSETS)
        self._not_before = 0.0

    @property
    def pending(self) -> bool:
        """Whether there are offsets that are not committed yet."""
        return bool(self._uncommitted)

    def add(self, next_offsets: Mapping[Partition, int]) -> None:
        """Have these offsets committed: all messages before them are processed."""
        self._uncommitted.update(next_offsets)

    def drop_partitions(self, partitions: Collection[Partition]) -> None:
        """Commit nothing more for these partitions: they belong to another member now."""
        self._uncommitted = {
            each: offset for each, offset in self._uncommitted.items() if each not in partitions
        }

    def commit(self) -> None:
        """Commit the pending offsets; after a failure, do nothing until a pause is over."""
        if not self._uncommitted or time.monotonic() < self._not_before:
            return
        if reason := self._commit_error():
            pause = self._pauses.next()
            self._not_before = time.monotonic() + pause
            log.warning(
                "could not commit offsets; retrying after the pause, and starting no batch before that."
                " If this repeats, check the broker and the rights on the consumer group",
                reason=reason,
                pause=round(pause, 1),
            )
        else:
            self._uncommitted.clear()
            self._pauses.reset()

    def _commit_error(self) -> str | None:
        """Commit the pending offsets; return why the broker did not take them, or None if it did."""
        offsets = [
            TopicPartition(topic, number, offset) for (topic, number), offset in self._uncommitted.items()
        ]
        try:
            results = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            return str(error.args[0].str())
        errors = [result.error.str() for result in results or () if result.error is not None]
        return errors[0] if errors else None
